import type { Request } from "express";
import type { Language } from "../core/catalogue/data-set.ts";

/** The language that was asked for, or that the browser prefers. */
export function languageOf(req: Request, asked: unknown): Language {
  const language = asked === "fr" || asked === "en" ? asked : req.acceptsLanguages(["fr", "en"]);
  return language === "en" ? "en" : "fr";
}
