// A line to the team.

import { element } from "./dom";

export class SayForm {
  readonly root: HTMLFormElement;
  private readonly input = element("input", {
    type: "text",
    class: "ap-say-text",
    placeholder: "Say something to the team",
    "aria-label": "Say something to the team",
    autocomplete: "off",
  });
  private readonly button = element("button", { type: "submit", class: "ap-say-send" }, "Send");

  /** `say` returns false if the kernel certainly did not get it; the text then stays. */
  constructor(private readonly say: (text: string) => boolean) {
    this.root = element("form", { class: "ap-say", "data-testid": "say" }, this.input, this.button);
    this.root.addEventListener("submit", this.submitted);
    this.input.addEventListener("keydown", stay);
  }

  /** The line keeps its place where nobody hears it; `why` says so. */
  open(heard: boolean, why: string): void {
    this.input.disabled = this.button.disabled = !heard;
    const told = heard ? "Say something to the team" : why;
    if (this.input.placeholder !== told) this.input.placeholder = told;
  }

  close(): void {
    this.root.removeEventListener("submit", this.submitted);
    this.input.removeEventListener("keydown", stay);
  }

  private readonly submitted = (event: Event): void => {
    event.preventDefault();
    const text = this.input.value.trim();
    if (text !== "" && this.say(text)) this.input.value = "";
  };
}

/** Keeps from the notebook what is typed here: a letter must not cut a cell, nor Enter run one. Ctrl+S still saves. */
export function stay(event: KeyboardEvent): void {
  if (event.key === "Enter" || !(event.ctrlKey || event.metaKey || event.altKey)) event.stopPropagation();
}
