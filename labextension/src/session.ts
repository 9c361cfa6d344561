// One view's conversation with the kernel: asks for the state, takes patches, notices silence.

import type { Ask, ToldTurn } from "./cardwire";
import { fromState, reduce, type Model } from "./store";
import type { Wish } from "./actions";
import { parse, WireError, type ActOutcome, type Then, type ToKernel } from "./wire";

/** What anywidget hands to a view, as far as it is used here. */
export interface WidgetModel {
  get(name: string): unknown;
  send(content: ToKernel): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

/**
 * How things stand with the kernel: `waiting` for a first answer, `live`, `absent` (it never answered) or
 * `lost` (it did, and does no more).
 */
export type Link = "waiting" | "live" | "absent" | "lost";

/** What the parts of the view are drawn from. */
export interface Scene {
  readonly model: Model | null;
  readonly link: Link;
  /** A problem that the kernel reported; empty where there is none. */
  readonly problem: string;
  /** An earlier moment that is looked at, in place of now. */
  readonly then: Earlier | null;
  /** What came of the last action that this view asked for. */
  readonly outcome: ActOutcome | null;
}

export interface Earlier {
  readonly at: number;
  /** Up to which event: what a rollback to that moment would keep. */
  readonly offset: number;
  readonly model: Model;
}

const ANSWER_MS = 3_000;
/** A kernel that is busy without subshells answers late: later questions wait longer, so that they do not pile up. */
const LONGEST_ANSWER_MS = 48_000;
/** A running team that says nothing for so long may have lost its kernel: ask. */
const SILENCE_MS = 15_000;
const PROBLEM_MS = 10_000;

/** Tells `onChange` of every new scene until it is closed. */
export class Session {
  private scene: Scene = { model: null, link: "waiting", problem: "", then: null, outcome: null };
  /** Other views of the same run hear the answers to this one, too. */
  private readonly name = Math.random().toString(36).slice(2);
  private looking: number | null = null;
  private wanted: number | null = null;
  private answer: ReturnType<typeof setTimeout> | null = null;
  private silence: ReturnType<typeof setTimeout> | null = null;
  private forget: ReturnType<typeof setTimeout> | null = null;
  private patience = ANSWER_MS;
  private heard = false;

  constructor(
    private readonly model: WidgetModel,
    private readonly onChange: (scene: Scene) => void,
    private readonly onAnswer: (answer: ToldTurn) => void = () => {},
  ) {
    model.on("msg:custom", this.receive);
    // ipywidgets fires this when a kernel dies, restarts or comes back.
    model.on("comm_live_update", this.ask);
    this.change({ model: snapshot(model) });
    this.ask();
  }

  /** Sends a message; false means that it certainly did not reach the kernel. */
  send(message: ToKernel): boolean {
    try {
      this.model.send(message);
      return true;
    } catch {
      // A page without a kernel (an exported notebook, a dead connection) has nothing to send through.
      this.unanswered();
      return false;
    }
  }

  /** Asks about a turn; false means that the question certainly did not reach the kernel. */
  inquire(question: Omit<Ask, "kind" | "view">): boolean {
    return this.send({ kind: "ask", view: this.name, ...question });
  }

  /** Asks how everything stood at a moment; null is now. One question is on its way at a time, and the last one counts. */
  look(at: number | null): void {
    this.wanted = at;
    if (at === null || this.scene.link === "absent" || this.scene.link === "lost") this.change({ then: null });
    else if (this.looking === null && this.send({ kind: "look", view: this.name, at })) this.looking = at;
  }

  /** Asks for something to be done at a position; false if the kernel certainly did not get it. */
  act(wish: Wish): boolean {
    return this.send({ kind: "act", view: this.name, ...wish });
  }

  close(): void {
    this.model.off("msg:custom", this.receive);
    this.model.off("comm_live_update", this.ask);
    for (const timer of [this.answer, this.silence, this.forget]) if (timer !== null) clearTimeout(timer);
  }

  private readonly ask = (): void => {
    if (this.answer !== null) return;
    this.answer = setTimeout(() => this.unanswered(), this.patience);
    this.patience = Math.min(2 * this.patience, LONGEST_ANSWER_MS);
    this.send({ kind: "hello" });
  };

  private unanswered(): void {
    this.settle();
    this.change({ link: this.heard ? "lost" : "absent" });
  }

  private readonly receive = (content: unknown): void => {
    let message;
    try {
      message = parse(content);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.complain(`This page cannot read what the kernel sends (${error.message}). Reload the page.`);
      return;
    }
    if (message === null) return;
    this.heard = true;
    this.listen();
    if (message.kind === "then") {
      if (message.view === this.name) this.arrive(message);
      return;
    }
    if (message.kind === "outcome") {
      if (message.view === this.name) this.change({ outcome: message });
      return;
    }
    if (message.kind === "card" || message.kind === "alike" || message.kind === "spread" || message.kind === "untold") {
      if (message.view === this.name) this.onAnswer(message);
      return;
    }
    if (message.kind === "problem") {
      this.looking = null;
      this.change({ link: "live" });
      this.complain(message.text);
      return;
    }
    if (message.kind === "state") {
      this.settle();
      this.patience = ANSWER_MS;
      this.looking = null; // what was asked before may have gone with its connection
    }
    const outcome = reduce(this.scene.model, message);
    if (outcome.kind === "changed") this.change({ model: outcome.model, link: "live" });
    else if (outcome.kind === "gap") this.ask();
  };

  private arrive({ at, offset, state, same }: Then): void {
    this.looking = null;
    if (this.wanted === null) return;
    const now = this.scene.model?.turns;
    const turns = [...state.turns, ...same.flatMap((id) => now?.get(id) ?? [])];
    this.change({ then: { at, offset, model: fromState({ ...state, turns }) } });
    if (this.wanted !== at) this.look(this.wanted);
  }

  private settle(): void {
    if (this.answer !== null) clearTimeout(this.answer);
    this.answer = null;
  }

  private listen(): void {
    if (this.silence !== null) clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.silence = null;
      if (this.scene.model !== null && isLive(this.scene.model)) this.ask();
    }, SILENCE_MS);
  }

  private complain(problem: string): void {
    this.change({ problem });
    if (this.forget !== null) clearTimeout(this.forget);
    this.forget = setTimeout(() => this.change({ problem: "" }), PROBLEM_MS);
  }

  private change(part: Partial<Scene>): void {
    this.scene = { ...this.scene, ...part };
    this.onChange(this.scene);
  }
}

/** Whether the team is still at work, as far as the model knows. */
export function isLive(model: Model): boolean {
  return model.run.status === "starting" || model.run.status === "running" || model.run.status === "stopping";
}

/** The last state that the kernel left in the notebook: it is shown until a fresher one comes. */
function snapshot(model: WidgetModel): Model | null {
  const json = model.get("snapshot");
  if (typeof json !== "string" || json === "") return null;
  try {
    const message = parse(JSON.parse(json));
    return message?.kind === "state" ? fromState(message) : null;
  } catch (error) {
    if (error instanceof WireError || error instanceof SyntaxError) return null; // another version's: not worth a word
    throw error;
  }
}
