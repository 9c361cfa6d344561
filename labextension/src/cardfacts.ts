// A turn in figures: as the kernel tells them from the log, and before that, or without it, as far as the page knows.

import type { Card, NamedTurn } from "./cardwire";
import { bounded, dollars, exact } from "./format";
import type { Model } from "./store";
import type { BarView, TurnView } from "./wire";

export interface Fact {
  readonly what: string;
  readonly told: string;
  readonly title: string;
}

const SHARES: readonly (readonly [string, string])[] = [["task", "task"], ["own", "own text"], ["others", "others"], ["recalled", "recalled"]];

/** The turns that begin at these offsets, as far as the page has them. */
export function turnsAt(model: Model, offsets: readonly number[]): NamedTurn[] {
  const wanted = new Set(offsets);
  return wanted.size === 0 ? [] : [...model.turns.values()].filter(({ start }) => wanted.has(start)).map(named);
}

/** The turns that came from one directly. */
export function readersOf(model: Model, turn: TurnView): NamedTurn[] {
  return [...model.turns.values()].filter(({ causes }) => causes.includes(turn.start)).map(named);
}

export function factsOf(model: Model, turn: TurnView, card: Card | null): Fact[] {
  const bar = model.bars.get(turn.id);
  const spoken = bar !== undefined;
  const agent = model.agents.get(turn.agent);
  const facts: Fact[] = [fact("state", turn.status + (turn.note === "" || turn.note === turn.status ? "" : `: ${turn.note}`))];
  const tries = card?.attempts ?? attempts(model, turn, bar);
  if (tries > 1) facts.push(fact("attempts", String(tries)));
  const model_ = card?.model ?? agent?.model ?? "";
  if (spoken && model_ !== "") facts.push(fact("model", model_));
  const first = card?.first_token ?? seconds(bar?.began, bar?.first);
  const whole = card?.seconds ?? seconds(bar?.began, bar?.ended);
  if (spoken) {
    const parts = [first === null ? "no token yet" : `first token ${first.toFixed(2)} s`, ...(whole === null ? [] : [`total ${whole.toFixed(2)} s`])];
    facts.push(fact("latency", parts.join(" · "), "Of the attempt that counts, by the log's clock"));
  }
  if (card !== null && card.prompt_tokens !== null && card.completion_tokens !== null) {
    const shares = SHARES.filter(([key]) => (card.shares[key] ?? 0) > 0).map(([key, word]) => `${word} ${exact(card.shares[key] ?? 0)}`);
    const sum = bounded(exact(card.prompt_tokens + card.completion_tokens), card);
    const read = `prompt ${exact(card.prompt_tokens)}${shares.length > 1 ? ` (${shares.join(" + ")})` : ""}`;
    facts.push(fact("tokens", `${sum} = ${read} + said ${exact(card.completion_tokens)}`, "Of all attempts; the prompt's are shared out by bytes"));
  }
  if (card !== null && card.cost !== null) facts.push(fact("cost", bounded(dollars(card.cost), card), "US dollars, of all attempts"));
  const end = card?.end ?? bar?.end ?? null;
  const start = card?.start ?? bar?.start ?? turn.start;
  facts.push(fact("offsets", !spoken ? String(turn.start) : end === null ? `from ${start}` : `${start} to ${end}`));
  return facts;
}

/** How many attempts were made at a turn: those right before it that were broken off, and it. */
function attempts(model: Model, turn: TurnView, bar: BarView | undefined): number {
  if (bar === undefined) return 1;
  const own = [...model.bars.values()].filter(({ agent, start }) => agent === turn.agent && start <= bar.start).sort((a, b) => b.start - a.start);
  const others = own.slice(1);
  const before = others.findIndex(({ how }) => how !== "again");
  return 1 + (before < 0 ? others.length : before);
}

function seconds(from: number | undefined, to: number | null | undefined): number | null {
  return from === undefined || to === undefined || to === null ? null : Math.max(0, to - from) / 1000;
}

function fact(what: string, told: string, title = ""): Fact {
  return { what, told, title };
}

function named({ id, name }: TurnView): NamedTurn {
  return { id, name, why: "" };
}
