// One turn on the page: its head, and its text, which grows at the end.

import { Calls } from "./calls";
import { copyButton } from "./copy";
import { element, setAttribute, setText } from "./dom";
import type { Mark } from "./palette";
import { Prose } from "./prose";
import type { TurnView } from "./wire";

export class TurnElement {
  readonly root: HTMLElement;
  private readonly name: HTMLElement;
  private readonly note = element("span", { class: "ap-turn-note" });
  private readonly prose = new Prose();
  private readonly calls = new Calls();
  private shown: TurnView | null = null;

  constructor(turn: TurnView, mark: Mark) {
    const swatch = element("span", { class: "ap-swatch", "data-shape": mark.shape, "aria-hidden": "true" });
    this.name = element("button", { type: "button", class: "ap-turn-name", "data-select": turn.id, "aria-pressed": "false", title: `Show the card of ${turn.name}` }, turn.name);
    this.root = element(
      "article",
      { class: "ap-turn", "data-turn": turn.name, "data-id": turn.id, "aria-label": turn.name },
      element("header", { class: "ap-turn-head" }, swatch, element("b", {}, this.name), this.note, copyButton(`Copy ${turn.name}`)),
      this.prose.root,
      this.calls.root,
    );
    this.root.style.setProperty("--ap-colour", mark.colour);
    this.update(turn);
  }

  /** Marks it as the selected one, or as one that was `read` by that; null is neither. */
  mark(how: "selected" | "read" | null): void {
    setAttribute(this.root, "data-picked", how);
    setAttribute(this.name, "aria-pressed", String(how === "selected"));
  }

  /** Gives its name the focus. */
  focus(): void {
    this.name.focus({ preventScroll: true });
  }

  /** Shows what is new. */
  update(turn: TurnView): void {
    if (turn === this.shown) return;
    this.shown = turn;
    setAttribute(this.root, "data-status", turn.status);
    setText(this.note, noteOf(turn));
    this.prose.update(turn.text, turn.status === "running");
    this.calls.update(turn.calls);
  }
}

function noteOf(turn: TurnView): string {
  if (turn.status === "failed") return turn.note === "" ? "failed" : `failed: ${turn.note}`;
  if (turn.status === "cancelled") return turn.note === "" ? "stopped" : turn.note;
  return turn.note;
}
