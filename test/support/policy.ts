import { createPolicy } from "../../src/policies/cedar.ts";

/** The rules that are shipped. */
export const policy = createPolicy();
