import type { WriteStream } from "node:tty";

export interface BarRow {
  dataset: string;
  value: number;
  max: number;
}

const WIDTH = 28;

/** Progress bars, one line each, redrawn in place where a terminal looks; elsewhere one line each time a data set is complete. */
export class Bars {
  readonly #out: NodeJS.WriteStream | WriteStream;
  readonly #told = new Set<string>();
  #lines = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  draw(rows: BarRow[], state: string): void {
    if (this.#out.isTTY) return this.#redraw(rows, state);
    for (const row of rows) {
      if (row.max === 0 || row.value < row.max || this.#told.has(row.dataset)) continue;
      this.#told.add(row.dataset);
      this.#out.write(`   ${line(row)}\n`);
    }
  }

  end(): void {
    this.#lines = 0;
  }

  #redraw(rows: BarRow[], state: string): void {
    const lines = [...rows.map((row) => `   ${line(row)}`), `   ${state}`];
    this.#out.write((this.#lines > 0 ? `\u001b[${this.#lines}A` : "") + lines.map((text) => `\u001b[2K${text}\n`).join(""));
    this.#lines = lines.length;
  }
}

function line({ dataset, value, max }: BarRow): string {
  const share = max === 0 ? 0 : Math.min(1, value / max);
  const full = Math.round(share * WIDTH);
  return `${dataset.padEnd(30)} ${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${String(value).padStart(6)} / ${max}`;
}
