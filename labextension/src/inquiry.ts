// What a view has asked the kernel about the selected turn, and what it was told: one question of a kind on its way at a time.

import type { About, Alike, Ask, Card, PromptMessage, Spread, ToldTurn } from "./cardwire";

/** Sends a question; false if the kernel certainly did not get it. */
export type Inquire = (question: Omit<Ask, "kind" | "view">) => boolean;

/** What is known of the selected turn by asking. */
export interface Told {
  readonly card: Card | null;
  /** The words of prompts, by the offsets of their records. */
  readonly prompts: ReadonlyMap<number, readonly PromptMessage[]>;
  readonly alike: Alike | null;
  readonly spread: Spread | null;
  /** What is asked and not answered yet. */
  readonly asked: ReadonlySet<About>;
  /** Why there is no answer, by what was asked. */
  readonly problems: ReadonlyMap<About, string>;
}

const NOTHING: Told = { card: null, prompts: new Map(), alike: null, spread: null, asked: new Set(), problems: new Map() };
/** A kernel that is busy, or older than this page, may never answer. */
const PATIENCE_MS = 20_000;
/** A turn that others read meanwhile is asked about again, no sooner than this, and than so many times as long as it took. */
const AGAIN_MS = 1_500;
const REST = 10;

export class Inquiry {
  told: Told = NOTHING;
  private turn: string | null = null;
  /** What the turn looked like when it was asked about. */
  private sign = "";
  private askedAt = 0;
  private rest = AGAIN_MS;
  private again: ReturnType<typeof setTimeout> | null = null;
  private readonly patience = new Map<About, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly inquire: Inquire,
    private readonly onChange: () => void,
  ) {}

  /** Has the card of a turn told, and told again when its `sign` is another. */
  about(turn: string | null, sign: string): void {
    if (turn !== this.turn) {
      this.close();
      this.turn = turn;
      this.told = NOTHING;
      this.sign = "";
      this.askedAt = 0;
    }
    if (turn === null || sign === this.sign || this.told.asked.has("card") || this.again !== null) return;
    const wait = this.askedAt + this.rest - Date.now();
    if (wait > 0) {
      this.again = setTimeout(() => {
        this.again = null;
        this.onChange();
      }, wait);
    } else if (this.ask("card")) {
      this.sign = sign;
      this.askedAt = Date.now();
    }
  }

  /** The kernel is another one, or there again: what was asked may have gone with the one before. */
  forget(): void {
    this.sign = "";
    this.told = { ...this.told, asked: new Set() };
  }

  ask(about: About, { text = "", prompt = null }: { text?: string; prompt?: number | null } = {}): boolean {
    if (this.turn === null || this.told.asked.has(about) || !this.inquire({ turn: this.turn, about, text, prompt })) return false;
    const problems = new Map(this.told.problems);
    problems.delete(about);
    this.told = { ...this.told, asked: new Set([...this.told.asked, about]), problems };
    this.patience.set(about, setTimeout(() => this.settle(about, "The kernel has not answered: it may be busy, or older than this page."), PATIENCE_MS));
    return true;
  }

  hear(answer: ToldTurn): void {
    if (answer.turn !== this.turn) return;
    switch (answer.kind) {
      case "card": {
        const prompts = new Map(this.told.prompts);
        for (const { offset, messages } of answer.prompts) if (messages !== null) prompts.set(offset, messages);
        this.told = { ...this.told, card: answer, prompts };
        // A long log takes a while to read: a card that is left open must not keep the kernel busy.
        this.rest = Math.max(AGAIN_MS, REST * (Date.now() - this.askedAt));
        return this.settle("card");
      }
      case "alike":
        this.told = { ...this.told, alike: answer };
        return this.settle("alike");
      case "spread":
        this.told = { ...this.told, spread: answer };
        return this.settle("spread");
      case "untold":
        return this.settle(answer.about, answer.problem);
    }
  }

  close(): void {
    if (this.again !== null) clearTimeout(this.again);
    this.again = null;
    for (const timer of this.patience.values()) clearTimeout(timer);
    this.patience.clear();
  }

  private settle(about: About, problem = ""): void {
    clearTimeout(this.patience.get(about));
    const asked = new Set(this.told.asked);
    asked.delete(about);
    const problems = new Map(this.told.problems);
    if (problem === "") problems.delete(about);
    else problems.set(about, problem);
    this.told = { ...this.told, asked, problems };
    this.onChange();
  }
}
