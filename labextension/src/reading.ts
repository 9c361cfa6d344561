// What reading has cost, in a line and in a tooltip.

import { count, exact } from "./format";
import type { Reading } from "./wire";

export const NOTHING_READ: Reading = { task: 0, own: 0, others: 0, recalled: 0, stale: 0, restarts: 0 };

/** `read 3.2k = task 200 + own 1k + others 2k · 1 stale turn`; empty where nobody read more than the task. */
export function readingText(reading: Reading): string {
  const { task, own, others, recalled, stale, restarts } = reading;
  const read = [["task", task], ["own", own], ["others", others], ["recalled", recalled]] as const;
  const parts: string[] = [];
  if (own + others + recalled > 0) {
    const named = read.filter(([, tokens]) => tokens > 0).map(([what, tokens]) => `${what} ${count(tokens)}`);
    parts.push(`read ${count(task + own + others + recalled)} = ${named.join(" + ")}`);
  }
  if (stale > 0) parts.push(`${exact(stale)} stale ${stale === 1 ? "turn" : "turns"}`);
  if (restarts > 0) parts.push(`${exact(restarts)} begun anew`);
  return parts.join(" · ");
}

/** The same in full, a line each. */
export function readingTitle(reading: Reading): string {
  return [
    "Prompt tokens, shared out by bytes:",
    `${exact(reading.task)} of the task and the role`,
    `${exact(reading.own)} of own earlier text`,
    `${exact(reading.others)} of other agents' and people's text`,
    `${exact(reading.recalled)} of recalled reasoning`,
    `Stale turns, which miss what was said meanwhile: ${exact(reading.stale)}`,
    `Turns overtaken and begun anew: ${exact(reading.restarts)}`,
  ].join("\n");
}
