import { RelaisError } from "../core/errors.ts";
import type { PersonId } from "../core/ids.ts";
import type { Session } from "../core/person/person.ts";
import type { AddressSealer } from "../core/person/mail-address.ts";
import type { WaysIn } from "../core/person/ways-in.ts";
import type { EntityConfigurations, Ports } from "../core/ports.ts";
import type { Charters } from "../core/register/charter.ts";
import type { Staff } from "../core/register/staff.ts";
import type { DocumentCheck } from "../core/verification/verify-document.ts";
import type { MarkingPorts, StatementSigner } from "../core/register/trust-mark.ts";
import type { Tongue } from "./tongue.ts";

/** Who runs this Relais, and where people write to it: a mail address, or a web address. */
export interface Operator {
  name: string;
  contact: string;
}

/** What the portal needs of the system. It holds no key that opens a person's credentials. */
export type PagesPorts = Pick<Ports, "store" | "clock" | "policy" | "queue" | "sealer" | "network" | "adapters" | "issuer"> & {
  operator: Operator | null;
  charters: Charters;
  staff: Staff;
  entityConfigurations: EntityConfigurations;
  /** Signs trust marks. */
  statements: StatementSigner;
  /** What a document that somebody hands in is worth. */
  verify: DocumentCheck;
  /** Null, or left out: this Relais sends no mail. */
  mail?: AddressSealer | null;
  /** Where people sign in; one provider, and no passkeys, where it is left out. */
  ways?: WaysIn;
  delegationOf?: NonNullable<MarkingPorts["delegationOf"]>;
};

/** A submitted form (or query): texts only, whatever was sent. */
export interface Form {
  one(name: string): string;
  all(name: string): string[];
}

export interface Visit {
  tongue: Tongue;
  session: Session | null;
  /** Path without the language: `/register/prt_…`. */
  path: string;
  params: Record<string, string>;
  query: Form;
  form: Form;
  /** A file that came with the form, where the page takes one. */
  file: { name: string; content: Uint8Array } | null;
}

export interface PersonVisit extends Visit {
  session: Session;
  personId: PersonId;
}

export type Answer =
  | { kind: "page"; template: string; title: string; model: object; status?: number; withoutNavigation?: boolean }
  | { kind: "redirect"; to: string }
  /** For programs that come again: with an `ETag`, and 304 where nothing changed. */
  | { kind: "text"; type: string; body: string }
  /** As long as it takes, at the speed of the reader; nothing of it is kept in memory. */
  | { kind: "download"; name: string; type: string; parts: (signal: AbortSignal) => AsyncIterable<string> }
  | { kind: "file"; name: string; type: string; body: string | Uint8Array }
  | { kind: "stream"; events: (signal: AbortSignal) => AsyncIterable<string> };

export type Handler = (ports: PagesPorts, visit: Visit) => Answer | Promise<Answer>;
export type PersonHandler = (ports: PagesPorts, visit: PersonVisit) => Answer | Promise<Answer>;

/** A choice in a list of radios or check boxes, as the form templates print it. */
export interface Choice {
  value: string;
  text: string;
  hint?: { text: string };
  checked: boolean;
}

/** A field that a person has to correct: shown above the form and at the field. */
export interface FieldError {
  field: string;
  text: string;
}

/** The same errors by field, as the form macros take them. */
export function errorsByField({ t }: Tongue, errors: FieldError[]) {
  return Object.fromEntries(errors.map(({ field, text }) => [field, { text, visuallyHiddenText: t("layout.errorWord") }]));
}

export function pathOf(visit: Visit, path: string): string {
  return `/${visit.tongue.lang}${path}`;
}

export function formOf(input: unknown): Form {
  const members = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  const all = (name: string): string[] => {
    const value = Object.hasOwn(members, name) ? members[name] : undefined;
    return (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string");
  };
  return { all, one: (name) => (all(name)[0] ?? "").trim() };
}

export function personOf(visit: Visit): PersonVisit {
  if (visit.session === null) throw new RelaisError("unauthenticated", "Sign in first.", { actor: "person" });
  return { ...visit, session: visit.session, personId: visit.session.personId };
}
