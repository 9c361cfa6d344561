// The document: all turns of everyone in their order, over the whole width.

import { element } from "./dom";
import type { Selected } from "./selection";
import { TurnList, type Source } from "./turns";

export class DocumentView {
  readonly root: HTMLElement;
  private readonly turns = new TurnList("ap-document-text", "The document");

  constructor() {
    this.root = element("div", { class: "ap-document" }, this.turns.root, this.turns.tail.button);
  }

  update(order: readonly string[], source: Source): void {
    this.turns.update(order, source);
    this.turns.tail.follow();
  }

  readonly select = (selected: Selected | null): void => this.turns.select(selected);

  /** Gives a turn's name the focus; false where it is not here. */
  focus(id: string): boolean {
    return this.turns.focus(id);
  }

  /** Call it when the document comes back into sight. */
  restore(): void {
    this.turns.tail.restore();
  }

  close(): void {
    this.turns.close();
  }
}
