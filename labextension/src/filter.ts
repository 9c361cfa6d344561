// What of a run is looked at: whose turns, and which of them say something.

import { kept, type Cast, type Member } from "./cast";
import { element, setText } from "./dom";
import type { Model } from "./store";

/** What is left to look at. */
export interface Sieved {
  readonly cast: Cast;
  /** Ids of turns, in order. */
  readonly order: readonly string[];
}

/** A row of tools: a line to search in, and the agents, each to be hidden and shown. */
export class Filter {
  readonly root: HTMLElement;
  /** What is searched for, in lower case; empty where nothing is. */
  query = "";
  private readonly hidden = new Set<string>();
  private readonly line = element("input", {
    type: "search",
    class: "ap-search",
    placeholder: "Search  /",
    "aria-label": "Search in what was said",
    autocomplete: "off",
  });
  private readonly found = element("span", { class: "ap-found", role: "status" });
  private readonly names = element("span", { class: "ap-names", role: "group", "aria-label": "Whose turns are shown" });
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private last: Sieved | null = null;

  constructor(private readonly onChange: () => void) {
    this.root = element("div", { class: "ap-filter" }, this.line, this.found, this.names);
    this.line.addEventListener("input", this.searched);
    this.line.addEventListener("keydown", this.key);
    this.names.addEventListener("click", this.chosen);
  }

  /** Goes to the line to search in. */
  focus(): void {
    this.line.focus();
    this.line.select();
  }

  /** Takes from a model what is not looked at; without a choice that is nothing. */
  of(model: Model, cast: Cast): Sieved {
    this.name(cast);
    if (this.query === "" && this.hidden.size === 0) {
      setText(this.found, "");
      return (this.last = { cast, order: model.order });
    }
    const said = (id: string): boolean => {
      const turn = model.turns.get(id);
      return turn !== undefined && !this.hidden.has(turn.agent) && (turn.text.toLowerCase().includes(this.query) || turn.name === this.query);
    };
    const order = kept(this.last?.order, model.order.filter(said));
    const members = new Map<string, Member>();
    for (const [name, member] of cast) {
      if (this.hidden.has(name)) continue;
      members.set(name, { ...member, turns: kept(this.last?.cast.get(name)?.turns, member.turns.filter(said)) });
    }
    setText(this.found, this.query === "" ? "" : `${order.length} of ${model.order.length} turns`);
    return (this.last = { cast: members, order });
  }

  close(): void {
    this.line.removeEventListener("input", this.searched);
    this.line.removeEventListener("keydown", this.key);
    this.names.removeEventListener("click", this.chosen);
  }

  /** Has a button for everyone who appears. */
  private name(cast: Cast): void {
    for (const [name, { mark }] of cast) {
      if (this.buttons.has(name)) continue;
      const swatch = element("span", { class: "ap-swatch", "data-shape": mark.shape, "aria-hidden": "true" });
      const button = element("button", { type: "button", class: "ap-name", "data-name": name, "aria-pressed": "true" }, swatch, name);
      button.style.setProperty("--ap-colour", mark.colour);
      this.buttons.set(name, button);
      this.names.append(button);
    }
  }

  private readonly searched = (): void => {
    this.query = this.line.value.trim().toLowerCase();
    this.onChange();
  };

  private readonly key = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && this.line.value !== "") {
      this.line.value = "";
      this.searched();
    } else if (event.key === "Escape") this.line.blur();
    // A letter must not cut a cell.
    if (!(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
  };

  private readonly chosen = (event: Event): void => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>(".ap-name") : null;
    const name = button?.dataset["name"];
    if (button === null || name === undefined) return;
    if (!this.hidden.delete(name)) this.hidden.add(name);
    button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
    this.onChange();
  };
}
