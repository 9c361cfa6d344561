// The calls of tools that a turn made: each a line that opens on what came of it.

import { element, setAttribute, setText } from "./dom";
import type { CallView } from "./wire";

export class Calls {
  readonly root = element("div", { class: "ap-calls", hidden: "" });
  private readonly shown = new Map<string, Call>();

  update(calls: readonly CallView[]): void {
    for (const view of calls) {
      let call = this.shown.get(view.id);
      if (call === undefined) {
        call = new Call();
        this.shown.set(view.id, call);
        this.root.append(call.root);
      }
      call.update(view);
    }
    this.root.hidden = this.shown.size === 0;
  }

  /** Shows those of another turn from now on. */
  clear(): void {
    this.shown.clear();
    this.root.replaceChildren();
  }
}

class Call {
  private readonly what = element("code", { class: "ap-call-what" });
  private readonly status = element("span", { class: "ap-call-status" });
  private readonly answer = element("pre", { class: "ap-call-answer" });
  private readonly output = element("pre", { class: "ap-call-output", "aria-label": "What it printed" });
  readonly root = element(
    "details",
    { class: "ap-call", "data-testid": "call" },
    element("summary", {}, this.what, " ", this.status),
    this.answer,
    this.output,
  );

  update(view: CallView): void {
    setAttribute(this.root, "data-status", view.status);
    setText(this.what, view.what);
    setText(this.status, view.status);
    for (const [place, text] of [
      [this.answer, view.answer],
      [this.output, view.output],
    ] as const) {
      setText(place, text);
      place.hidden = text === "";
    }
  }
}
