// What waits for a person: each question with what will happen exactly, a line for a reason, and two buttons. Calls that
// are alike are one question: a list, answered in one go.

import { element, setText } from "./dom";
import { stay } from "./say";
import type { AlikeView, QuestionView, Resolve, RunView } from "./wire";

/** Answers a question; false if the kernel certainly did not get it. */
export type Answer = (answer: Resolve) => boolean;

export class Tray {
  readonly root = element("div", { class: "ap-tray", "data-testid": "tray", role: "region", "aria-label": "Waiting for you", hidden: "" });
  private readonly shown = new Map<string, Question>();
  private readonly warnings = element("ul", { class: "ap-lets-pass", "aria-label": "What lets pass" });

  constructor(private readonly resolve: Answer) {
    this.root.append(this.warnings);
  }

  update(run: RunView, connected: boolean): void {
    const waiting = new Map(run.questions.map((question) => [question.id, question]));
    for (const [id, question] of this.shown) {
      if (waiting.has(id)) continue;
      question.close();
      this.shown.delete(id);
    }
    for (const [id, view] of waiting) {
      let question = this.shown.get(id);
      if (question === undefined) {
        question = new Question(view, this.resolve);
        this.shown.set(id, question);
        this.root.append(question.root);
      }
      question.update(view, connected);
    }
    if (run.lets_pass.length !== this.warnings.childElementCount) {
      this.warnings.replaceChildren(...run.lets_pass.map((told) => element("li", {}, `⚠ ${told}`)));
    }
    this.root.hidden = this.shown.size === 0 && run.lets_pass.length === 0;
  }

  close(): void {
    for (const question of this.shown.values()) question.close();
    this.shown.clear();
  }
}

class Question {
  readonly root: HTMLFormElement;
  private readonly state = element("span", { class: "ap-question-state" });
  private readonly more = element("ul", { class: "ap-question-more" });
  private readonly again = element("div", { class: "ap-question-again", role: "status" });
  private readonly rests = element("div", { class: "ap-question-rests" });
  private readonly why = element("input", {
    type: "text",
    class: "ap-question-why",
    placeholder: "Why, or the answer",
    "aria-label": "Why, or the answer",
    autocomplete: "off",
  });
  private readonly approve = element("button", { type: "submit", class: "ap-approve" }, "Approve");
  private readonly reject = element("button", { type: "button", class: "ap-reject" }, "Reject");
  private answered = false;

  constructor(
    private view: QuestionView,
    private readonly resolve: Answer,
  ) {
    const head = element("div", { class: "ap-question-head" }, ...call(view), " ", this.state);
    this.root = element(
      "form",
      { class: "ap-question", "data-question": view.id },
      head,
      this.more,
      this.again,
      this.rests,
      element("div", { class: "ap-question-answer" }, this.why, this.approve, this.reject),
    );
    this.root.addEventListener("submit", this.agreed);
    this.reject.addEventListener("click", this.refused);
    this.why.addEventListener("keydown", stay);
  }

  update(view: QuestionView, connected: boolean): void {
    const until = view.until === null ? "" : `, until ${new Date(view.until).toLocaleTimeString()}`;
    setText(this.state, `(${view.why}${until})`);
    setText(this.again, view.again === "" ? "" : `Asked again: ${view.again}`);
    setText(this.rests, view.rests === "" ? "" : `Rests on ${view.rests}`);
    if (asked(view) !== asked(this.view)) this.answered = false; // it is another question now
    if (view.more.length !== this.more.childElementCount || asked(view) !== asked(this.view)) {
      this.more.replaceChildren(...view.more.map((one) => element("li", {}, ...call(one))));
    }
    const count = view.more.length + 1;
    setText(this.approve, count > 1 ? `Approve all ${count}` : "Approve");
    setText(this.reject, count > 1 ? `Reject all ${count}` : "Reject");
    this.view = view;
    this.approve.disabled = this.reject.disabled = this.answered || !connected;
  }

  close(): void {
    this.root.removeEventListener("submit", this.agreed);
    this.reject.removeEventListener("click", this.refused);
    this.why.removeEventListener("keydown", stay);
    this.root.remove();
  }

  private readonly agreed = (event: Event): void => {
    event.preventDefault();
    this.answer(true);
  };

  private readonly refused = (): void => this.answer(false);

  private answer(accept: boolean): void {
    // The buttons rest until the log has the answer: a second click must not be a second vote.
    const { id, seen } = this.view;
    const more = Object.fromEntries(this.view.more.map((one) => [one.id, one.seen]));
    this.answered = this.resolve({ kind: "resolve", id, accept, text: this.why.value.trim(), seen, more });
    this.approve.disabled = this.reject.disabled = this.answered;
  }
}

/** Who asks for what, exactly. */
function call(view: QuestionView | AlikeView): (Node | string)[] {
  return [element("b", {}, view.agent), " asks: ", element("code", { class: "ap-question-what" }, view.what)];
}

/** What an answer is to: these calls, as they were seen. */
function asked(view: QuestionView): string {
  return [view, ...view.more].map(({ id, seen }) => `${id} ${seen}`).join(" ");
}
