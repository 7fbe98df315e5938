import type { TransferItem, TransferState } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";

const OUTCOMES = {
  stored: ["accepted", "govuk-tag--green"],
  omitted: ["refused", "govuk-tag--grey"],
  sent: ["waiting", "govuk-tag--yellow"],
  listed: ["onItsWay", "govuk-tag--blue"],
} as const satisfies Record<TransferItem["state"], readonly [string, string]>;

const SAID = ["received", "verified", "partial"] as const satisfies readonly TransferState[];

interface Proposed {
  items: readonly TransferItem[];
  titles: ReadonlyMap<string, string>;
  names: { source: string; destination: string };
  state: TransferState;
}

/** What became of each item that a person proposed to an organisation. */
export function viewOfProposals({ t }: Tongue, { items, titles, names, state }: Proposed) {
  const isReceived = state === "received" || state === "verified" || state === "partial";
  const said = SAID.find((one) => one === state);
  return {
    sentence: said ? t(`proposal.sentence.${said}`, names) : null,
    rows: items.map(({ dataset, key, state: itemState, reason }) => {
      const [outcome, classes] = OUTCOMES[itemState === "sent" && !isReceived ? "listed" : itemState];
      return {
        item: key,
        dataset: titles.get(dataset) ?? dataset,
        tag: { text: t(`proposal.outcome.${outcome}`), classes },
        text: itemState === "omitted" && reason !== null ? t(`omission.${reason}`) : t(`proposal.text.${outcome}`, names),
      };
    }),
  };
}
