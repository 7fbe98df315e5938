import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { parseTemplate } from "./parse-template.ts";
import { Templates } from "./run-template.ts";

export const CHART = fileURLToPath(new URL("../../../helm/relais/", import.meta.url));
const RELEASE = { Name: "self", Namespace: "data", Service: "Helm" };

export type Values = { [name: string]: unknown };

export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: never;
  [member: string]: unknown;
}

const text = (path: string): string => readFileSync(join(CHART, path), "utf8");

/** As `helm template` does: values over the chart's own, checked by its schema, rendered, read as YAML 1.1, which Kubernetes reads. */
export function renderChart(given: Values): { objects: KubernetesObject[]; notes: string } {
  const values = merged(parse(text("values.yaml"), { version: "1.1" }) as Values, given);
  checkValues(values);
  const templates = new Templates();
  templates.add(parseTemplate(text("templates/_helpers.tpl")));
  const { name: Name, version: Version, appVersion: AppVersion } = parse(text("Chart.yaml")) as Record<string, string>;
  const dot = {
    Values: values,
    Release: RELEASE,
    Chart: { Name, Version, AppVersion },
    Files: { Get: (path: unknown) => text(String(path)) },
  };
  const render = (file: string) => {
    try {
      return templates.render(parseTemplate(text(file)), dot);
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
  const files = globSync("templates/**/*.yaml", { cwd: CHART }).sort();
  return { objects: files.flatMap((file) => objectsIn(file, render(file))), notes: render("templates/NOTES.txt") };
}

/** @throws with each problem, as Helm does before it renders. */
export function checkValues(values: Values): void {
  const schema = z.fromJSONSchema(JSON.parse(text("values.schema.json")) as Parameters<typeof z.fromJSONSchema>[0]);
  const result = schema.safeParse(values);
  if (!result.success) throw new Error(`the values are refused: ${z.prettifyError(result.error)}`);
}

function objectsIn(file: string, rendered: string): KubernetesObject[] {
  return parseAllDocuments(rendered, { version: "1.1", strict: true, uniqueKeys: true }).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${basename(file)} is no YAML: ${document.errors[0]?.message}\n${rendered}`);
    const object = document.toJS() as KubernetesObject | null;
    return object === null ? [] : [object];
  });
}

function merged(base: Values, over: Values): Values {
  const isMap = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);
  const result = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const known = result[name];
    result[name] = isMap(known) && isMap(value) ? merged(known, value) : value;
  }
  return result;
}
