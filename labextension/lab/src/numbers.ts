/** Sizes and costs, as people read them in a narrow place. */

import { bounded, count, dollars } from "../../src/format";

/** What it cost, as far as that is known. */
export function took(row: { tokens: number | null; estimated: boolean; cost: number | null }): string {
  if (!row.tokens) return "";
  const tokens = `${bounded(count(row.tokens), row)} tokens`;
  return row.cost ? `${tokens} · ${bounded(dollars(row.cost), row)}` : tokens;
}

export function bytes(size: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 10 ? size.toFixed(0) : size.toFixed(1)} ${units[unit]}`;
}
