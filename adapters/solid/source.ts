import { RelaisError } from "../../src/core/errors.ts";
import type { Opening, Source } from "../../src/core/transfer/adapter.ts";
import { isMediaType, isSourceSlug, LAYOUT_ROOT, typesSegments } from "../../src/core/transfer/folder-layout.ts";
import { walkFolders } from "../../src/core/transfer/folder-walk.ts";
import { eachOf } from "../../src/core/transfer/read-back.ts";
import { countShelf, pageOfShelf, shelve, type FoundFile, type FoundItem, type Shelf } from "../../src/core/transfer/shelf.ts";
import { openPod, type Pod } from "./pod.ts";

const AT_ONCE = 8;

/** What Relais wrote into a pod, by its data sets. The rest of the pod is not read. */
export function openSource(opening: Opening): Source {
  const pod = openPod(opening);
  let shelf: Promise<Shelf> | null = null;
  const look = (): Promise<Shelf> => (shelf ??= collect(pod));
  return {
    inventory: async () => {
      await refuseStranger(pod);
      return countShelf(await look());
    },
    list: async (dataset, cursor) => pageOfShelf(await look(), dataset, cursor),
    read: async (item) => {
      const bytes = await pod.read(await addressOf(look, item));
      if (bytes !== null) return bytes;
      throw new RelaisError("not_found", "A resource is no longer in the pod.", { actor: "person" });
    },
    erase: async (datasets) => {
      await erase(pod, datasets);
      shelf = null;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A pod that everyone may read is still one person's: where the server tells rights (`WAC-Allow`), writing is asked for. */
async function refuseStranger(pod: Pod): Promise<void> {
  const answer = await pod.ask({ method: "HEAD", url: pod.root }, [200, 404]);
  await answer.drop();
  const [, rights] = /\buser="([^"]*)"/.exec(answer.headers["wac-allow"] ?? "") ?? [];
  if (rights === undefined || /\b(write|append|control)\b/.test(rights)) return;
  throw new RelaisError(
    "peer_refused",
    "These credentials may read this pod, and not write to it. The person should link a pod of their own.",
    { actor: "person" },
  );
}

/** An item that was listed by an earlier opening comes without its address: it is found again by its name. */
async function addressOf(look: () => Promise<Shelf>, item: Pick<FoundItem, "dataset" | "key"> & { url?: string }): Promise<string> {
  if (item.url !== undefined) return item.url;
  const found = (await look()).items.get(item.dataset)?.find(({ key }) => key === item.key);
  if (found) return found.url;
  throw new RelaisError("not_found", "A resource is no longer in the pod.", { actor: "person" });
}

async function collect(pod: Pod): Promise<Shelf> {
  const relais = { name: LAYOUT_ROOT, url: pod.urlOf([LAYOUT_ROOT], "container"), isFolder: true, bytes: null, mediaType: null };
  const files = await walkFolders(pod.root, async (url) => (url === pod.root ? [relais] : pod.list(url)));
  await addTypes(pod, files);
  return shelve(files);
}

/** What was noted when an item was written saves a request; without it, the resource is asked. */
async function addTypes(pod: Pod, files: FoundFile[]): Promise<void> {
  const noted = new Map<string, Map<string, string>>();
  for (const { slug, dataset } of files.filter((file) => file.slug !== "")) {
    const shelf = `${slug}/${dataset}`;
    if (!noted.has(shelf)) noted.set(shelf, await pod.typesOf(slug, dataset));
  }
  await eachOf(files, AT_ONCE, async (file) => {
    const mediaType = noted.get(`${file.slug}/${file.dataset}`)?.get(file.key) ?? (await askType(pod, file.url));
    file.mediaType = isMediaType(mediaType) ? mediaType : null;
  });
}

async function askType(pod: Pod, url: string): Promise<string | null> {
  if (url.endsWith("/")) return null;
  const answer = await pod.ask({ method: "HEAD", url, headers: { accept: "*/*" } }, [200, 404, 410]);
  await answer.drop();
  return answer.headers["content-type"] ?? null;
}

/** What Relais wrote of these data sets, whoever it came from. */
async function erase(pod: Pod, datasets: readonly string[]): Promise<void> {
  const sources = await pod.list(pod.urlOf([LAYOUT_ROOT], "container"));
  for (const { name: slug } of sources.filter(({ name, isFolder }) => isFolder && isSourceSlug(name))) {
    for (const dataset of datasets) {
      await removeContainer(pod, pod.urlOf([LAYOUT_ROOT, slug, dataset], "container"));
      await pod.remove(pod.urlOf(typesSegments(slug, dataset)));
    }
  }
}

/** Solid deletes empty containers only: members first. */
async function removeContainer(pod: Pod, url: string): Promise<void> {
  const members = await pod.list(url);
  await eachOf(members, AT_ONCE, async (member) => {
    if (member.isFolder) await removeContainer(pod, member.url);
    else await pod.remove(member.url);
  });
  await pod.remove(url);
}
