// A list of turns, newest at the bottom, of which only the last ones are in the page.

import { element, setAttribute } from "./dom";
import type { Mark } from "./palette";
import type { Selected } from "./selection";
import { Tail } from "./tail";
import { TurnElement } from "./turn";
import type { TurnView } from "./wire";

/** How many turns are in the page at first, and how many more come as its reader goes up. */
export const PAGE = 20;

/** Looks up what a list shows: the turn of an id, and the mark of who spoke. */
export interface Source {
  turn(id: string): TurnView | undefined;
  mark(agent: string): Mark;
}

export class TurnList {
  /** The scrolling box. */
  readonly root: HTMLElement;
  readonly tail: Tail;
  private readonly earlier = element("button", { type: "button", class: "ap-earlier", hidden: "" });
  private readonly body = element("div", { class: "ap-turns" });
  private readonly elements = new Map<string, TurnElement>();
  private ids: readonly string[] = [];
  private drawn: readonly string[] = [];
  private source: Source | null = null;
  /** The first offset of the last turn that the reader has seen: those after it are new. */
  private read: number | null = null;
  private firstNew: Element | null = null;
  private picked: Selected | null = null;

  constructor(className: string, label: string) {
    // Focusable, so that a keyboard can scroll it.
    this.root = element("div", { class: className, tabindex: "0", role: "region", "aria-label": label }, this.earlier, this.body);
    this.tail = new Tail(this.root);
    this.earlier.addEventListener("click", this.showEarlier);
    this.root.addEventListener("scroll", this.nearing, { passive: true });
  }

  /** `looked` says whether somebody may be looking. */
  update(ids: readonly string[], source: Source, looked = true): void {
    this.source = source;
    if (ids !== this.ids) {
      this.ids = ids;
      this.arrange();
    }
    for (const id of this.drawn) {
      const turn = source.turn(id);
      if (turn !== undefined) this.elements.get(id)?.update(turn);
    }
    this.tellNews(looked && document.visibilityState === "visible");
  }

  /** Marks the selected turn, and has it in sight where it is one of these. */
  select(selected: Selected | null): void {
    for (const id of [this.picked?.turn, this.picked?.source]) this.elements.get(id ?? "")?.mark(null);
    this.picked = selected;
    if (selected === null) return;
    if (this.ids.includes(selected.turn)) this.reveal(selected.turn);
    else if (selected.source !== null && this.ids.includes(selected.source)) this.reveal(selected.source);
    this.remark();
  }

  /** Gives a turn's name the focus, if it is here. */
  focus(id: string): boolean {
    const shown = this.elements.get(id);
    if (shown === undefined || this.root.clientHeight === 0) return false;
    shown.focus();
    return true;
  }

  close(): void {
    this.tail.close();
    this.earlier.removeEventListener("click", this.showEarlier);
    this.root.removeEventListener("scroll", this.nearing);
  }

  /** Counts what came while the reader was elsewhere, and marks where it begins; the mark stays until they leave again. */
  private tellNews(looked: boolean): void {
    const last = this.startOf(this.ids[this.ids.length - 1]);
    if (this.read === null || (looked && this.tail.following)) {
      this.read = last;
      return;
    }
    let news = 0;
    while (news < this.ids.length && this.startOf(this.ids[this.ids.length - 1 - news]) > this.read) news += 1;
    this.tail.tell(news);
    const first = this.elements.get(this.ids[this.ids.length - news] ?? "")?.root ?? null;
    if (first === this.firstNew) return;
    this.firstNew?.removeAttribute("data-new");
    first?.setAttribute("data-new", "");
    this.firstNew = first;
  }

  private startOf(id: string | undefined): number {
    return (id === undefined ? undefined : this.source?.turn(id)?.start) ?? -1;
  }

  private remark(): void {
    if (this.picked === null) return;
    if (this.picked.source !== null) this.elements.get(this.picked.source)?.mark("read");
    this.elements.get(this.picked.turn)?.mark("selected");
  }

  /** Scrolls the box, and not the page, so that a turn is in sight. */
  private reveal(id: string): void {
    const missing = this.ids.indexOf(this.drawn[0] ?? "") - this.ids.indexOf(id);
    if (missing > 0) this.tail.keep(() => this.arrange(missing));
    const shown = this.elements.get(id)?.root;
    if (shown !== undefined) this.tail.show(shown);
  }

  private readonly showEarlier = (): void => this.tail.keep(() => this.arrange(PAGE));

  private readonly nearing = (): void => {
    if (!this.tail.following && !this.earlier.hidden && this.root.scrollTop < this.root.clientHeight) this.showEarlier();
  };

  /**
   * Makes the page hold the last turns, in order, touching only those that come, go or move. For a reader who has gone
   * up, it holds all from where they are, and `more` before that.
   */
  private arrange(more = 0): void {
    const last = Math.max(0, this.ids.length - PAGE);
    const first = this.tail.following ? -1 : this.ids.indexOf(this.drawn[0] ?? "");
    const hidden = Math.max(0, (first < 0 ? last : Math.min(first, last)) - more);
    this.drawn = this.ids.slice(hidden);
    const wanted = new Set(this.drawn);
    for (const [id, shown] of this.elements) {
      if (wanted.has(id)) continue;
      shown.root.remove();
      this.elements.delete(id);
    }
    let place = this.body.firstChild;
    for (const id of this.drawn) {
      const shown = this.elementOf(id);
      if (shown === null) continue;
      if (shown.root === place) place = place.nextSibling;
      else this.body.insertBefore(shown.root, place);
    }
    setAttribute(this.earlier, "hidden", hidden === 0 ? "" : null);
    this.earlier.textContent = `show earlier (${hidden})`;
  }

  private elementOf(id: string): TurnElement | null {
    const known = this.elements.get(id);
    if (known !== undefined) return known;
    const turn = this.source?.turn(id);
    if (this.source === null || turn === undefined) return null;
    const made = new TurnElement(turn, this.source.mark(turn.agent));
    this.elements.set(id, made);
    this.remark();
    return made;
  }
}
