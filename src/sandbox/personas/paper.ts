import { RelaisError } from "../../core/errors.ts";
import type { FullDate } from "./calendar.ts";
import { frenchDate } from "./money.ts";
import type { HolderName } from "./people.ts";

/** One page of A4, as a holder would send it. Texts in French, of the characters of WinAnsi. */
export interface Paper {
  holder: HolderName;
  title: string;
  issued: FullDate;
  addressee: string[];
  facts: [label: string, value: string][];
  /** Shares of the width; the first column is text, the others are numbers. */
  columns: { heading: string; share: number }[];
  rows: string[][];
  totals: [label: string, value: string][];
  chart?: { title: string; unit: string; bars: number[] };
  notes: string[];
}

interface Letterhead {
  name: string;
  colour: string;
  address: string;
}

// oxfmt-ignore
export const LETTERHEADS: Readonly<Record<HolderName, Letterhead>> = {
  energy: { name: "Énergie du Parc", colour: "#1b6e53", address: "1 allée du Grand-Chêne · 59990 Villeneuve-du-Parc · 01 99 00 10 10 · energie-du-parc.example" },
  insurance: { name: "Mutuelle des Quais", colour: "#2a4b8d", address: "40 quai des Marchands · 44990 Port-Ormeau-Ville · 01 99 00 20 20 · mutuelle-des-quais.example" },
  telecom: { name: "Télécom du Vallon", colour: "#8a3b12", address: "8 place de l’Écho · 38990 Valmoisan · 01 99 00 30 30 · telecom-du-vallon.example" },
};

type Page = PDFKit.PDFDocument;

const LEFT = 56;
const WIDTH = 483;
const INK = "#1f2328";
const PALE = "#5b6470";
const CHART_HEIGHT = 84;

/**
 * The page as PDF. Same paper, same bytes: the dates are those of the paper, the identifier is made from them, and nothing is
 * compressed, because zlib does not give the same bytes on every processor.
 * @throws RelaisError `unavailable` where the optional package `pdfkit` is not installed.
 */
export async function printPaper(paper: Paper): Promise<Uint8Array> {
  const Document = await loadPdfkit();
  const dated = new Date(`${paper.issued}T08:00:00Z`);
  const page = new Document({
    size: "A4",
    margin: 0,
    compress: false,
    pdfVersion: "1.7",
    lang: "fr-FR",
    displayTitle: true,
    info: { Title: paper.title, Author: LETTERHEADS[paper.holder].name, CreationDate: dated, ModDate: dated },
  });
  const chunks: Buffer[] = [];
  page.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve, reject) => page.once("end", resolve).once("error", reject));
  drawHead(page, paper);
  const below = drawTotals(page, paper, drawTable(page, paper, drawFacts(page, paper, 252)));
  drawNotes(page, paper, paper.chart === undefined ? below : drawChart(page, paper.chart, LETTERHEADS[paper.holder].colour, below));
  page.end();
  await ended;
  return Buffer.concat(chunks);
}

async function loadPdfkit(): Promise<Page> {
  try {
    return (await import("pdfkit")).default;
  } catch (cause) {
    throw new RelaisError("unavailable", "The sandbox cannot print its papers. The operator can install the optional package `pdfkit`.", {
      cause,
      actor: "operator",
    });
  }
}

function drawHead(page: Page, paper: Paper): void {
  const { name, colour, address } = LETTERHEADS[paper.holder];
  page.rect(0, 0, 596, 10).fill(colour);
  page.circle(LEFT + 13, 53, 13).fill(colour);
  page
    .fillColor("#ffffff")
    .font("Helvetica-Bold")
    .fontSize(13)
    .text(name.slice(0, 1), LEFT, 48, { width: 26, align: "center", lineBreak: false });
  page
    .fillColor(colour)
    .fontSize(18)
    .text(name, LEFT + 36, 45, { lineBreak: false });
  page.fillColor(PALE).font("Helvetica").fontSize(8).text(address, LEFT, 76, { lineBreak: false });
  page.fillColor(INK).fontSize(11);
  paper.addressee.forEach((line, index) => page.text(line, 320, 122 + 15 * index, { width: 220, lineBreak: false }));
  page.font("Helvetica-Bold").fontSize(16).text(paper.title, LEFT, 200, { lineBreak: false });
  page
    .font("Helvetica")
    .fontSize(10)
    .fillColor(PALE)
    .text(`Le ${frenchDate(paper.issued)}`, LEFT, 223, { lineBreak: false });
}

/** Each drawing takes the height where it may begin and gives the height where it ended. */
function drawFacts(page: Page, paper: Paper, top: number): number {
  paper.facts.forEach(([label, value], index) => {
    page
      .font("Helvetica")
      .fontSize(9.5)
      .fillColor(PALE)
      .text(label, LEFT, top + 15 * index, { lineBreak: false });
    page.fillColor(INK).text(value, LEFT + 150, top + 15 * index, { lineBreak: false });
  });
  return top + 15 * paper.facts.length + 14;
}

function drawTable(page: Page, paper: Paper, top: number): number {
  page.rect(LEFT, top, WIDTH, 20).fill("#eef1f4");
  drawRow(
    page,
    paper,
    paper.columns.map((column) => column.heading),
    top + 6,
    "Helvetica-Bold",
  );
  paper.rows.forEach((row, index) => drawRow(page, paper, row, top + 28 + 19 * index, "Helvetica"));
  const bottom = top + 24 + 19 * paper.rows.length;
  page
    .moveTo(LEFT, bottom)
    .lineTo(LEFT + WIDTH, bottom)
    .lineWidth(0.5)
    .stroke(PALE);
  return bottom + 10;
}

function drawRow(page: Page, paper: Paper, cells: string[], top: number, font: string): void {
  let left = LEFT;
  page.font(font).fontSize(9.5).fillColor(INK);
  for (const [index, { share }] of paper.columns.entries()) {
    const width = WIDTH * share;
    page.text(cells[index] ?? "", left + 6, top, { width: width - 12, align: index === 0 ? "left" : "right", lineBreak: false });
    left += width;
  }
}

function drawTotals(page: Page, paper: Paper, top: number): number {
  paper.totals.forEach(([label, value], index) => {
    const isLast = index === paper.totals.length - 1;
    page
      .font(isLast ? "Helvetica-Bold" : "Helvetica")
      .fontSize(isLast ? 12 : 9.5)
      .fillColor(INK);
    page.text(label, LEFT, top + 17 * index, { width: WIDTH - 110, align: "right", lineBreak: false });
    page.text(value, LEFT + WIDTH - 106, top + 17 * index, { width: 100, align: "right", lineBreak: false });
  });
  return top + 17 * paper.totals.length + 16;
}

function drawChart(page: Page, chart: NonNullable<Paper["chart"]>, colour: string, top: number): number {
  const highest = Math.max(...chart.bars, 1e-9);
  const step = WIDTH / chart.bars.length;
  const floor = top + 22 + CHART_HEIGHT;
  page.font("Helvetica-Bold").fontSize(9.5).fillColor(INK).text(chart.title, LEFT, top, { lineBreak: false });
  page.font("Helvetica").fontSize(8).fillColor(PALE);
  page.text(`maximum ${highest.toFixed(1).replace(".", ",")} ${chart.unit}`, LEFT, top + 1, {
    width: WIDTH,
    align: "right",
    lineBreak: false,
  });
  chart.bars.forEach((bar, index) => {
    const height = (CHART_HEIGHT * bar) / highest;
    page.rect(LEFT + step * index + 1, floor - height, step - 2, height).fill(colour);
    if (index % 5 === 0)
      page.fillColor(PALE).text(String(index + 1), LEFT + step * index, floor + 4, { width: step, align: "center", lineBreak: false });
  });
  page
    .moveTo(LEFT, floor)
    .lineTo(LEFT + WIDTH, floor)
    .lineWidth(0.5)
    .stroke(PALE);
  return floor + 28;
}

function drawNotes(page: Page, paper: Paper, top: number): void {
  page.font("Helvetica").fontSize(9).fillColor(PALE);
  page.text([...paper.notes, "Document de démonstration : personne, adresse et montants sont inventés."].join("\n"), LEFT, top, {
    width: WIDTH,
    lineGap: 3,
  });
}
