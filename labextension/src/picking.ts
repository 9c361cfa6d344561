// Selecting with mouse and keys: whatever has `data-select` stands for the turn of that id, with `data-source` for the
// edge from another one; a click into a turn's text selects that turn.

import type { Model } from "./store";
import type { Selection } from "./selection";

/** What a click into a turn is for, where it is not for the turn. */
const OTHERS = "button, a, summary, input, select, textarea";

export class Picking {
  constructor(
    private readonly root: HTMLElement,
    private readonly selection: Selection,
    private readonly model: () => Model | null,
  ) {
    root.addEventListener("click", this.clicked);
    root.addEventListener("keydown", this.key);
  }

  close(): void {
    this.root.removeEventListener("click", this.clicked);
    this.root.removeEventListener("keydown", this.key);
  }

  private readonly clicked = (event: MouseEvent): void => {
    if (!(event.target instanceof Element)) return;
    const picked = event.target.closest("[data-select]");
    // A button that is pressed by a key is clicked without a mouse.
    if (picked !== null) this.pick(picked, event.detail === 0);
    else if (event.target.closest(OTHERS) === null && document.getSelection()?.isCollapsed !== false) {
      const turn = event.target.closest<HTMLElement>(".ap-turn")?.dataset["id"];
      if (turn !== undefined) this.select(turn, null, false);
    }
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === "Escape" && this.selection.current !== null) {
      event.preventDefault();
      this.selection.clear();
    } else if (event.key === "Enter" || event.key === " ") {
      const picked = event.target.closest("[data-select]");
      if (picked !== null && !(picked instanceof HTMLButtonElement)) {
        event.preventDefault();
        this.pick(picked, true);
      } else if (event.target.closest(OTHERS) === null) return;
    } else return;
    // A notebook would take it as a command.
    event.stopPropagation();
  };

  private pick(picked: Element, byKey: boolean): void {
    const { select = "", source = null } = (picked as HTMLElement | SVGElement).dataset;
    if (picked.getAttribute("aria-pressed") === "true") this.selection.clear();
    else this.select(select, source, byKey);
  }

  private select(id: string, source: string | null, byKey: boolean): void {
    const model = this.model();
    const turn = model === null ? null : shownTurn(model, id);
    if (turn !== null) this.selection.select(turn, source, byKey);
  }
}

/** The turn of an attempt: itself, or, where it was tried again, the one that counts. */
export function shownTurn(model: Model, id: string): string | null {
  if (model.turns.has(id)) return id;
  const bar = model.bars.get(id);
  if (bar === undefined) return null;
  return model.order.find((other) => {
    const turn = model.turns.get(other);
    return turn?.agent === bar.agent && turn.start >= bar.start;
  }) ?? null;
}
