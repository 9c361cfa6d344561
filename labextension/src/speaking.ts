// How much is being said and is not counted yet.

import type { Model } from "./store";
import type { TurnView } from "./wire";

/** English prose; the kernel's rate rests on the same. */
const CHARS_PER_TOKEN = 4;
/** A turn that says nothing yet is under way all the same. */
export const NOBODY = -1;

/** About how many tokens the last of some turns has said, while it speaks; else `NOBODY`. */
export function underWay(ids: readonly string[], { turn }: { turn(id: string): TurnView | undefined }): number {
  const last = turn(ids[ids.length - 1] ?? "");
  return last?.status === "running" ? Math.round(last.text.length / CHARS_PER_TOKEN) : NOBODY;
}

/** About how many tokens all turns that speak have said. */
export function allUnderWay(model: Model): number {
  let tokens = 0;
  for (const { status, text } of model.turns.values()) if (status === "running") tokens += Math.round(text.length / CHARS_PER_TOKEN);
  return tokens;
}
