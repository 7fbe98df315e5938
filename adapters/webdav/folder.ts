import { RelaisError } from "../../src/core/errors.ts";
import type { Bytes, Opening, OutboundRequest, OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { encodedPath } from "../../src/core/transfer/folder-layout.ts";
import type { FolderEntry } from "../../src/core/transfer/folder-walk.ts";
import { refusalOf } from "./failures.ts";
import { readMultistatus, type Described } from "./multistatus.ts";

const LISTING_BYTES = 32 * 1024 * 1024;

/** The person's folder, opened with their app password. */
export interface Folder {
  /** Address of what lies at these segments; with a last slash for a folder. */
  urlOf(segments: readonly string[], kind?: "file" | "folder"): string;
  /** Sends, and throws where the status is none of `expected`. */
  ask(request: OutboundRequest, expected: readonly number[]): Promise<OutboundResponse>;
  describe(url: string, depth: 0 | 1, properties: string): Promise<Described[]>;
  list(url: string): Promise<FolderEntry[]>;
  /** The bytes of a file, or null where there is none. */
  read(url: string): Promise<Bytes | null>;
  remove(url: string): Promise<void>;
}

export function openFolder(opening: Opening): Folder {
  const root = rootOf(opening);
  const authorization = authorizationOf(opening);
  let hasOpened = false;
  const ask: Folder["ask"] = async (request, expected) => {
    const answer = await opening.fetch({ ...request, headers: { ...request.headers, authorization } });
    if (expected.includes(answer.status)) {
      hasOpened = true;
      return answer;
    }
    const refusal = await refusalOf(answer, opening.clock.now());
    throw hasOpened && answer.status === 401 ? credentialsEnded(refusal) : refusal;
  };
  const describe: Folder["describe"] = async (url, depth, properties) => {
    const headers = { depth: String(depth), "content-type": "application/xml; charset=utf-8" };
    const body = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>${properties}</prop></propfind>`;
    return readMultistatus(await (await ask({ method: "PROPFIND", url, headers, body, limit: LISTING_BYTES }, [207])).text());
  };
  return {
    urlOf: (segments, kind = "file") => `${root}${encodedPath(segments)}${kind === "folder" && segments.length > 0 ? "/" : ""}`,
    ask,
    describe,
    list: async (url) => childrenOf(url, await describe(url, 1, "<resourcetype/><getcontentlength/><getcontenttype/>")),
    read: async (url) => {
      const answer = await ask({ method: "GET", url }, [200, 404, 410]);
      if (answer.status === 200) return answer.body;
      await answer.drop();
      return null;
    },
    remove: async (url) => (await ask({ method: "DELETE", url }, [200, 202, 204, 404, 410])).drop(),
  };
}

/** With a last slash. `account` is a path of folders below the server's root, in plain (not encoded) text. */
function rootOf({ participant, account }: Opening): string {
  const root = participant.endpoints.root;
  if (root === undefined) throw new RelaisError("unsupported", "This platform registered no root address. It must add one.");
  const parts = account.split("/").filter((part) => part !== "");
  if (parts.includes(".") || parts.includes(".."))
    throw new RelaisError("invalid", "The folder must be named without `.` and `..`.", { actor: "person" });
  return `${[root.replace(/\/+$/, ""), ...parts.map(encodeURIComponent)].join("/")}/`;
}

/** RFC 7617, in UTF-8. */
function authorizationOf({ credentials }: Opening): string {
  if (credentials.kind !== "basic" || credentials.user.includes(":")) {
    throw new RelaisError(
      "peer_refused",
      "This platform needs a user name and an app password. The person should link the account again.",
      { actor: "person" },
    );
  }
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
}

/** Direct children only: servers list the folder itself too, and a hostile one could list anything. */
function childrenOf(folderUrl: string, described: Described[]): FolderEntry[] {
  const parent = segmentsOf(new URL(folderUrl));
  return described.flatMap(({ href, isCollection, properties }) => {
    if (!URL.canParse(href, folderUrl)) return [];
    const url = new URL(href, folderUrl);
    const path = segmentsOf(url);
    const name = path.at(-1);
    const isChild =
      url.host === new URL(folderUrl).host && path.length === parent.length + 1 && parent.every((part, index) => part === path[index]);
    if (!isChild || name === undefined) return [];
    // The scheme of an absolute href is often that of the hop behind the server's proxy: ours is kept.
    const address = new URL(url.pathname.replace(/\/$/, "") + (isCollection ? "/" : ""), folderUrl).href;
    const length = Number(properties.get("getcontentlength") ?? Number.NaN);
    return [
      {
        name,
        url: address,
        isFolder: isCollection,
        bytes: Number.isSafeInteger(length) ? length : null,
        mediaType: properties.get("getcontenttype") || null,
      },
    ];
  });
}

function segmentsOf(url: URL): string[] {
  return url.pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decodeSegment);
}

/** An encoded slash stays encoded: it is part of a name, and no folder. */
function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part.replace(/%2f/gi, "%252F"));
  } catch {
    return part;
  }
}

/** Credentials that opened the account a moment ago: this is no verdict on one item, the whole attempt must stop. */
function credentialsEnded(refusal: RelaisError): RelaisError {
  return new RelaisError("unauthenticated", refusal.message, { actor: "person", details: refusal.details });
}
