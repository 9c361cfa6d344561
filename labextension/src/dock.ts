// Keeps the head of a live run in sight: where it was scrolled away, it stands at the top of the notebook.
//
// While a part of the widget is in sight, the style sheet does that (`position: sticky`). Beyond, the head itself moves
// to a shelf over its notebook, so that what is typed in it and what has the focus stay.

import { element } from "./dom";

/** The notebook in its panel, in JupyterLab and in Notebook 7; elsewhere there is no shelf. */
const NOTEBOOK = ".jp-NotebookPanel > .jp-Notebook";

export class Dock {
  /** Where the head belongs. */
  readonly slot = element("div", { class: "ap-slot" });
  private readonly back = element("button", { type: "button", class: "ap-back", title: "Show the run in the notebook" }, "show");
  private readonly sight = new IntersectionObserver((entries) => this.sighted(entries));
  private docked: HTMLElement | null = null;
  private notebook: HTMLElement | null = null;
  private inSight = true;
  private wanted = false;

  constructor(private readonly head: HTMLElement) {
    this.slot.append(head);
    this.sight.observe(this.slot);
    this.back.addEventListener("click", this.show);
  }

  /** Whether the head is to stay in sight. */
  keep(wanted: boolean): void {
    this.wanted = wanted;
    this.place();
  }

  close(): void {
    this.keep(false);
    this.sight.disconnect();
    this.back.removeEventListener("click", this.show);
  }

  private sighted(entries: readonly IntersectionObserverEntry[]): void {
    this.inSight = entries[entries.length - 1]?.isIntersecting ?? this.inSight;
    // A notebook may take cells that are out of sight from the page, and with them the way to it.
    this.notebook = this.slot.closest<HTMLElement>(NOTEBOOK) ?? this.notebook;
    this.place();
  }

  private place(): void {
    const away = this.wanted && !this.inSight && this.notebook !== null;
    if (away === (this.docked !== null)) return;
    if (away && this.notebook !== null) {
      this.slot.style.minHeight = `${this.slot.offsetHeight}px`; // nothing below may move
      this.docked = element("div", { class: "agentpool-widget ap-docked mathjax_ignore tex2jax_ignore" });
      const style = this.slot.closest(".agentpool-widget")?.parentElement?.querySelector(":scope > style");
      if (style !== null && style !== undefined) this.docked.append(style.cloneNode(true));
      this.docked.append(this.back);
      shelfOf(this.notebook).append(this.docked);
      move(this.head, this.docked, this.back);
    } else {
      move(this.head, this.slot, null);
      this.slot.style.minHeight = "";
      const shelf = this.docked?.parentElement;
      this.docked?.remove();
      this.docked = null;
      if (shelf?.childElementCount === 0) shelf.remove();
    }
  }

  private readonly show = (): void => this.slot.scrollIntoView({ block: "start" });
}

/**
 * The place at the top of a notebook where heads of all its runs stand, one below the other. It is beside the notebook
 * and not in it: a notebook takes the focus from whatever in it is no cell, and letters for commands.
 */
function shelfOf(notebook: HTMLElement): Element {
  const panel = notebook.parentElement ?? notebook;
  const shelf = panel.querySelector<HTMLElement>(":scope > .ap-shelf") ?? element("div", { class: "ap-shelf" });
  shelf.style.cssText = `position: absolute; z-index: 8; left: 0; right: 0; top: ${notebook.offsetTop}px`;
  if (!shelf.isConnected) panel.append(shelf);
  return shelf;
}

/** Moves the head with its focus, which a browser takes from what is moved. */
function move(head: HTMLElement, place: HTMLElement, before: Node | null): void {
  const focus = head.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
  place.insertBefore(head, before);
  focus?.focus({ preventScroll: true });
}
