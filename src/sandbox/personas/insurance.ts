import { addMonths } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import { claimsOf } from "./insurance-claims.ts";
import type { Claim } from "./insurance-claims.ts";
import { contractsOf, paymentsOf, premiumFrom, yearStart } from "./insurance-contracts.ts";
import type { InsuranceContract, Payment } from "./insurance-contracts.ts";
import { jsonItem, pdfItem } from "./item.ts";
import type { Item } from "./item.ts";
import { euros, frenchDate, frenchEuros } from "./money.ts";
import { printPaper } from "./paper.ts";
import { addressLines, RESIDENTS } from "./people.ts";
import type { Resident } from "./people.ts";

interface Asked {
  seed: string;
  resident: Resident;
  period: Period;
}

/** What each data set of the insurer is made of: the same for every contract of the person. */
export const INSURANCE_ITEMS: Readonly<Record<string, (asked: Asked) => Promise<Item[]>>> = {
  "insurance.contracts": ofEachContract(contractItem),
  "insurance.insured-objects": ofEachContract(objectItems),
  "insurance.claims": ofEachContract(({ seed, period }, contract) => claimsOf(seed, contract, period).map(claimItem)),
  "insurance.payment-schedule": ofEachContract(({ period }, contract) =>
    paymentsOf(contract, period).map((payment) => paymentItem(contract, payment, period.until)),
  ),
  "insurance.documents": ofEachContract(certificates),
};

function ofEachContract(make: (asked: Asked, contract: InsuranceContract) => Item[] | Promise<Item[]>): (asked: Asked) => Promise<Item[]> {
  return async (asked) => {
    const lists = await Promise.all(contractsOf(asked.resident.id, asked.period.until).map(async (contract) => make(asked, contract)));
    return lists.flat();
  };
}

function contractItem({ period }: Asked, contract: InsuranceContract): Item[] {
  const start = yearStart(contract, period.until);
  const { number, product, formula, rule } = contract;
  const parties = partiesOf(contract).map(({ displayName, customers }) => ({
    name: displayName,
    customer: customers.insurance,
    role: "policyholder",
  }));
  return [
    jsonItem(number, start, {
      number,
      product,
      formula,
      start: contract.start,
      renewal: addMonths(start, 12),
      parties,
      rule,
      currency: "EUR",
      yearlyPremium: euros(premiumFrom(contract, start)),
      excess: euros(contract.excess),
      objects: contract.objects.map(({ id }) => `${number}/${id}`),
    }),
  ];
}

/** Never empty: the first is the one who is written to. */
function partiesOf(contract: InsuranceContract): [Resident, ...Resident[]] {
  return contract.parties.map((id) => RESIDENTS.find((resident) => resident.id === id)) as [Resident, ...Resident[]];
}

function objectItems(_asked: Asked, contract: InsuranceContract): Item[] {
  const address = partiesOf(contract)[0].address;
  return contract.objects.map(({ id, kind, description, mark }) =>
    jsonItem(`${contract.number}/${id}`, contract.start, {
      id,
      contract: contract.number,
      kind,
      description,
      mark,
      since: contract.start,
      ...(kind === "home" ? { address } : {}),
    }),
  );
}

function claimItem(claim: Claim): Item {
  const state = claim.steps.at(-1) as Claim["steps"][number];
  return jsonItem(claim.reference, state.date, {
    reference: claim.reference,
    contract: claim.contract,
    kind: claim.kind,
    occurred: claim.occurred,
    state: state.step,
    steps: claim.steps,
    currency: "EUR",
    estimate: euros(claim.estimate),
    excess: euros(claim.excess),
    compensation: claim.compensation === null ? null : euros(claim.compensation),
  });
}

function paymentItem(contract: InsuranceContract, payment: Payment, until: FullDate): Item {
  const isPaid = payment.due <= until;
  return jsonItem(`${contract.number}/${payment.due.slice(0, 7)}`, isPaid ? payment.due : payment.yearStart, {
    contract: contract.number,
    due: payment.due,
    amount: euros(payment.amount),
    currency: "EUR",
    method: "direct-debit",
    state: isPaid ? "paid" : "to-come",
  });
}

/** One certificate for each year of the contract that began in the period, or that runs at its start. */
async function certificates({ period }: Asked, contract: InsuranceContract): Promise<Item[]> {
  const items: Item[] = [];
  const first = contract.start > period.from ? contract.start : yearStart(contract, period.from);
  for (let start = first; start <= period.until; start = addMonths(start, 12)) {
    items.push(pdfItem(`${contract.number}/attestation-${start.slice(0, 4)}.pdf`, start, await certificate(contract, start)));
  }
  return items;
}

const PRODUCTS: Readonly<Record<InsuranceContract["product"], string>> = {
  home: "Assurance habitation",
  vehicle: "Assurance des véhicules",
  accidents: "Assurance des accidents de la vie",
};

function certificate(contract: InsuranceContract, start: FullDate): Promise<Uint8Array> {
  const parties = partiesOf(contract);
  const premium = premiumFrom(contract, start);
  return printPaper({
    holder: "insurance",
    title: "Attestation d’assurance",
    issued: start,
    addressee: [parties.map((party) => party.displayName).join(" et "), ...addressLines(parties[0]).slice(1)],
    facts: [
      ["Contrat", contract.number],
      ["Sociétaires", parties.map((party) => `${party.displayName} (${party.customers.insurance})`).join(", ")],
      ["Garantie", `${PRODUCTS[contract.product]}, formule ${contract.formula}`],
      ["Valable", `du ${frenchDate(start)} à la veille du ${frenchDate(addMonths(start, 12))}`],
    ],
    columns: [
      { heading: "Garantie", share: 0.7 },
      { heading: "Franchise", share: 0.3 },
    ],
    rows: [
      ["Responsabilité civile", frenchEuros(0)],
      ...contract.objects.map((object) => [object.description, frenchEuros(contract.excess)]),
    ],
    totals: [["Cotisation de l’année, taxes comprises", frenchEuros(premium)]],
    notes: ["Nous attestons que ce contrat est en cours pendant la période ci-dessus, sous réserve du paiement des cotisations."],
  });
}
