// What of a run is looked at: its lanes or its document, with or without the graph.

import { copyButton } from "./copy";
import { element } from "./dom";

/** The reader's choice; it belongs to one view and is not told to the kernel. */
export interface Shown {
  readonly page: "lanes" | "document";
  readonly graph: boolean;
  readonly timeline: boolean;
}

export class Switches {
  readonly root: HTMLElement;
  private readonly buttons: readonly { button: HTMLButtonElement; pressed: () => void; on: () => boolean }[];

  constructor(
    private shown: Shown,
    private readonly onChange: (shown: Shown) => void,
  ) {
    this.buttons = [
      this.button("Lanes", "ap-show-lanes", () => ({ page: "lanes" }), () => this.shown.page === "lanes"),
      this.button("Document", "ap-show-document", () => ({ page: "document" }), () => this.shown.page === "document"),
      this.button("Graph", "ap-show-graph", () => ({ graph: !this.shown.graph }), () => this.shown.graph),
      this.button("Timeline", "ap-show-timeline", () => ({ timeline: !this.shown.timeline }), () => this.shown.timeline),
    ];
    const all = this.buttons.map(({ button }) => button);
    const pages = element("span", { class: "ap-segment", role: "group", "aria-label": "Show as" }, ...all.slice(0, 2));
    this.root = element("span", { class: "ap-switch" }, pages, element("span", { class: "ap-segment" }, ...all.slice(2)), copyButton("Copy what is shown, as Markdown"));
    this.mark();
  }

  close(): void {
    for (const { button, pressed } of this.buttons) button.removeEventListener("click", pressed);
  }

  private button(label: string, name: string, choice: () => Partial<Shown>, on: () => boolean) {
    const button = element("button", { type: "button", class: name }, label);
    const pressed = (): void => {
      this.shown = { ...this.shown, ...choice() };
      this.mark();
      this.onChange(this.shown);
    };
    button.addEventListener("click", pressed);
    return { button, pressed, on };
  }

  private mark(): void {
    for (const { button, on } of this.buttons) button.setAttribute("aria-pressed", String(on()));
  }
}
