import { RelaisError } from "../../src/core/errors.ts";
import type { Opening, Source } from "../../src/core/transfer/adapter.ts";
import { isMediaType, isSourceSlug, LAYOUT_ROOT, readTypes, typesSegments } from "../../src/core/transfer/folder-layout.ts";
import { walkFolders } from "../../src/core/transfer/folder-walk.ts";
import { countShelf, pageOfShelf, shelve, type FoundFile, type FoundItem, type Shelf } from "../../src/core/transfer/shelf.ts";
import { openFolder, type Folder } from "./folder.ts";

/** A person's folder as a source: what Relais wrote, by its data sets, and everything else as the data set `files`. */
export function openSource(opening: Opening): Source {
  const folder = openFolder(opening);
  let shelf: Promise<Shelf> | null = null;
  const look = (): Promise<Shelf> => (shelf ??= collect(folder));
  return {
    inventory: async () => countShelf(await look()),
    list: async (dataset, cursor) => pageOfShelf(await look(), dataset, cursor),
    read: async (item) => {
      const bytes = await folder.read(await addressOf(look, item));
      if (bytes !== null) return bytes;
      throw new RelaisError("not_found", "A file is no longer in the person's folder.", { actor: "person" });
    },
    erase: async (datasets) => {
      await erase(folder, datasets);
      shelf = null;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** An item that was listed by an earlier opening comes without its address: it is found again by its name. */
async function addressOf(look: () => Promise<Shelf>, item: Pick<FoundItem, "dataset" | "key"> & { url?: string }): Promise<string> {
  if (item.url !== undefined) return item.url;
  const found = (await look()).items.get(item.dataset)?.find(({ key }) => key === item.key);
  if (found) return found.url;
  throw new RelaisError("not_found", "A file is no longer in the person's folder.", { actor: "person" });
}

/** What Relais wrote of these data sets, whoever it came from. The person's own files are theirs to delete. */
async function erase(folder: Folder, datasets: readonly string[]): Promise<void> {
  for (const slug of await sourcesOf(folder)) {
    for (const dataset of datasets) {
      await folder.remove(folder.urlOf([LAYOUT_ROOT, slug, dataset], "folder"));
      await folder.remove(folder.urlOf(typesSegments(slug, dataset)));
    }
  }
}

async function sourcesOf(folder: Folder): Promise<string[]> {
  const top = await folder.list(folder.urlOf([], "folder"));
  if (!top.some(({ name, isFolder }) => name === LAYOUT_ROOT && isFolder)) return [];
  const entries = await folder.list(folder.urlOf([LAYOUT_ROOT], "folder"));
  return entries.filter(({ name, isFolder }) => isFolder && isSourceSlug(name)).map(({ name }) => name);
}

async function collect(folder: Folder): Promise<Shelf> {
  const files = await walkFolders(folder.urlOf([], "folder"), folder.list);
  return shelve(await withTypes(folder, files));
}

/** Servers guess media types by the ending of a name; what Relais noted when it wrote the item wins. */
async function withTypes(folder: Folder, files: FoundFile[]): Promise<FoundFile[]> {
  const noted = new Map<string, Map<string, string>>();
  for (const { slug, dataset } of files.filter((file) => file.slug !== "")) {
    const shelf = `${slug}/${dataset}`;
    if (!noted.has(shelf)) noted.set(shelf, await typesAt(folder, slug, dataset));
  }
  return files.map((file) => {
    const mediaType = noted.get(`${file.slug}/${file.dataset}`)?.get(file.key) ?? file.mediaType;
    return { ...file, mediaType: isMediaType(mediaType) ? mediaType : null };
  });
}

/** Media types by key, as noted beside a data set; empty where nothing was noted. */
export async function typesAt(folder: Folder, slug: string, dataset: string): Promise<Map<string, string>> {
  const url = folder.urlOf(typesSegments(slug, dataset));
  const answer = await folder.ask({ method: "GET", url, limit: 64 * 1024 * 1024 }, [200, 404, 410]);
  return answer.status === 200 ? readTypes(await answer.text()) : answer.drop().then(() => new Map());
}
