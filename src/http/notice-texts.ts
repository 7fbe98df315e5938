import type { Request, Response } from "express";
import { z } from "zod";
import { LANGUAGES } from "../core/catalogue/data-set.ts";
import { SECTION_NAMES } from "../core/consent/notice-text.ts";
import { RelaisError } from "../core/errors.ts";
import type { RoutePorts } from "./route-ports.ts";

export const PathText = z.object({ version: z.string().max(9), language: z.enum(LANGUAGES) });

export const NoticeText = z
  .object({
    version: z.int(),
    language: z.enum(LANGUAGES),
    sections: z.record(z.enum(SECTION_NAMES), z.string()),
    hash: z.string().meta({ description: "Base64url SHA-256 of the canonical JSON (RFC 8785) of `version`, `language` and `sections`" }),
    log_index: z.int().nullable().meta({ description: "Entry of the public log that tells of it" }),
    published_at: z.iso.datetime(),
  })
  .meta({ id: "NoticeText", description: "What every person who is asked in this version and language reads beside the facts" });

/** A published wording, for whoever checks that the one in their receipt is it. @throws RelaisError `not_found`. */
export async function getNoticeText({ store }: RoutePorts, req: Request, res: Response): Promise<void> {
  const language = LANGUAGES.find((one) => one === req.params["language"]);
  const version = /^[1-9]\d{0,8}$/.test(String(req.params["version"])) ? Number(req.params["version"]) : 0;
  const text = language && (await store.read((r) => r.noticeTexts.find(version, language)));
  if (!text) throw new RelaisError("not_found", "No text of this version was published in this language.");
  const { sections, hash, logIndex, publishedAt } = text;
  const answer = { version, language: text.language, sections, hash, log_index: logIndex, published_at: publishedAt.toISOString() };
  res.json(answer satisfies z.infer<typeof NoticeText>);
}
