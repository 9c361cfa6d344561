// The card of the selected turn: what it saw, what it was asked, what it said, did and took, and where its words went.
//
// What the page knows stands there at once, also without a kernel; the rest is told by the kernel, from the log
// (`Inquiry`). Prompts are plain text, to the letter; what models said is Markdown.

import { Actions, commandButton, type Wish } from "./actions";
import { Calls } from "./calls";
import type { HitView, NamedTurn, PromptMessage, PromptView } from "./cardwire";
import type { Cast } from "./cast";
import { factsOf, readersOf, turnsAt, type Fact } from "./cardfacts";
import { copyButton } from "./copy";
import { element, setAttribute, setText } from "./dom";
import type { Inquiry, Told } from "./inquiry";
import { Prose } from "./prose";
import { stay } from "./say";
import type { Link, Scene } from "./session";
import type { Selected } from "./selection";
import type { Model } from "./store";
import type { TurnView } from "./wire";

/** Pixels below what can be scrolled, at most. */
const STATUS_BAR = 32;

export class TurnCard {
  readonly root: HTMLElement;
  /** What can be done at its end. */
  private readonly actions: Actions;
  private readonly foot: HTMLElement;
  private readonly commands = element("span", { class: "ap-actions", role: "group", "aria-label": "In a cell" });
  /** How far down the page has to be in sight for the card to be. */
  readonly sill = element("div", { class: "ap-card-sill", "aria-hidden": "true" });
  private readonly swatch = element("span", { class: "ap-swatch", "aria-hidden": "true" });
  private readonly title = element("h3", { class: "ap-card-title", tabindex: "-1" });
  private readonly close_ = element("button", { type: "button", class: "ap-card-close", "aria-label": "Close the card", title: "Close (Esc)" }, "×");
  private readonly facts = element("dl", { class: "ap-card-facts" });
  private readonly note = element("div", { class: "ap-card-note", role: "status" });
  private readonly prose = new Prose();
  private readonly calls = new Calls();
  private readonly look = element("button", { type: "button", class: "ap-card-look" }, "Look up");
  private readonly words = element("input", {
    type: "text", class: "ap-card-words", placeholder: "words of it: type them, or mark them above", "aria-label": "Words to follow", autocomplete: "off",
  });
  private readonly follow = element("form", { class: "ap-card-follow" }, this.words, element("button", { type: "submit" }, "Follow"));
  private readonly sections = new Map<string, { root: HTMLElement; title: HTMLElement; body: HTMLElement; drawn: string }>();
  private turn: string | null = null;

  constructor(
    private readonly inquiry: Inquiry,
    private readonly deselect: () => void,
    act: (wish: Wish) => boolean,
  ) {
    this.actions = new Actions(act);
    const head = element("header", { class: "ap-card-head" }, this.swatch, this.title, copyButton("Copy what it said"), this.close_);
    this.root = element("section", { class: "ap-card", "data-testid": "card", hidden: "" }, head, this.facts, this.note);
    this.section("read", "What it saw");
    this.section("prompts", "Its exact prompt");
    this.section("said", "What it said");
    this.section("calls", "Calls and votes").body.append(this.calls.root);
    this.section("errors", "What went wrong");
    this.section("recalled", "It was reminded of");
    this.section("alike", "Similar earlier reasoning").body.append(this.look);
    this.section("spread", "Where its words went");
    this.part("spread").root.append(this.follow, element("div", { class: "ap-card-places" }));
    this.foot = element("footer", {}, element("div", { class: "ap-card-actions" }, this.actions.root, this.commands), this.actions.panel);
    this.close_.addEventListener("click", this.deselect);
    this.look.addEventListener("click", this.lookUp);
    this.follow.addEventListener("submit", this.followWords);
    this.words.addEventListener("keydown", stay);
    this.prose.root.addEventListener("mouseup", this.marked);
    this.root.addEventListener("toggle", this.opened, true);
  }

  /** Shows the card of a turn, or none. */
  update(model: Model, cast: Cast, selected: Selected | null, { link, outcome }: Pick<Scene, "link" | "outcome">): void {
    const turn = selected === null ? undefined : model.turns.get(selected.turn);
    this.root.hidden = turn === undefined;
    if (turn === undefined) {
      this.turn = null;
      // What lanes and timeline have, too, is in the page twice only while it is shown.
      this.foot.remove();
      this.prose.root.remove();
      this.inquiry.about(null, "");
      return;
    }
    const member = cast.get(turn.agent);
    this.root.style.setProperty("--ap-colour", member?.mark.colour ?? "");
    setAttribute(this.swatch, "data-shape", member?.mark.shape ?? "ellipse");
    setAttribute(this.root, "aria-label", `Turn ${turn.name}`);
    setText(this.title, turn.name);
    if (turn.id !== this.turn) this.begin(turn);
    // As others read it, and as it ends, there is more to tell.
    if (link === "live") this.inquiry.about(turn.id, `${turn.status} ${turn.calls.map(({ status }) => status).join()} ${readersOf(model, turn).length}`);
    else this.inquiry.about(turn.id, "");
    this.show(model, turn, this.inquiry.told, link);
    this.act(model, turn, link, outcome);
  }

  /** Gives the card the focus; `Escape` takes it back. */
  focus(): void {
    this.title.focus({ preventScroll: true });
  }

  /** Has enough of it in sight to be read; what is in sight stays where it is. */
  come(): void {
    if (this.sill.getBoundingClientRect().bottom > window.innerHeight - STATUS_BAR) this.sill.scrollIntoView?.({ block: "nearest" });
  }

  /** What a button that copies stands for; null where it is not the card's own. */
  textOf(button: HTMLElement, model: Model): string | null {
    const message = button.closest<HTMLElement>(".ap-prompt-message");
    if (message !== null) return message.querySelector("pre")?.textContent ?? "";
    return this.root.contains(button) && this.turn !== null ? (model.turns.get(this.turn)?.text.trim() ?? null) : null;
  }

  close(): void {
    this.inquiry.close();
    this.actions.close();
    this.close_.removeEventListener("click", this.deselect);
    this.look.removeEventListener("click", this.lookUp);
    this.follow.removeEventListener("submit", this.followWords);
    this.words.removeEventListener("keydown", stay);
    this.prose.root.removeEventListener("mouseup", this.marked);
    this.root.removeEventListener("toggle", this.opened, true);
  }

  private begin(turn: TurnView): void {
    this.actions.leave();
    this.turn = turn.id;
    this.part("said").body.append(this.prose.root);
    this.root.append(this.foot);
    this.words.value = "";
    this.calls.clear();
    this.root.scrollTop = 0;
    for (const details of this.root.querySelectorAll("details")) details.open = false;
  }

  private show(model: Model, turn: TurnView, told: Told, link: Link): void {
    const { card } = told;
    this.list(this.facts, "facts", factsOf(model, turn, card), ({ what, told: value, title }: Fact) => [
      element("div", title === "" ? {} : { title }, element("dt", {}, what), element("dd", {}, value)),
    ]);
    const asking = link === "live" ? "Reading the log …" : link === "waiting" ? "Waiting for the kernel …" : `The page knows no more of it; the rest needs a kernel: %trace ${turn.name}`;
    setText(this.note, told.problems.get("card") ?? (card === null ? asking : ""));
    this.note.hidden = this.note.textContent === "";
    this.read(model, turn, told);
    this.prompts(told);
    this.prose.update(turn.text, turn.status === "running");
    this.part("said").root.hidden = turn.text.trim() === "";
    this.deeds(turn, told);
    this.found(told, link);
    this.spread(model, turn, told, link);
  }

  private read(model: Model, turn: TurnView, { card }: Told): void {
    const known: readonly NamedTurn[] = card?.read ?? turnsAt(model, turn.causes);
    const unread = card?.unread ?? [];
    this.fill("read", [card === null, known, card?.read_count, unread, card?.unread_count, card?.given], () => [
      line(card === null ? "It came from" : card.read_count === 0 ? "It had read nothing but its task." : `It had read ${card.read_count}:`, known, model),
      ...(card === null ? [] : [line(card.unread_count === 0 ? "It had read all that was said before it ended." : `It had not read ${card.unread_count}, or not all of it:`, unread, model)]),
      ...(card === null || card.given === "" ? [] : [element("p", {}, `${card.given}.`)]),
    ]);
    this.part("read").root.hidden = known.length + unread.length === 0 && (card === null || card.model === "");
  }

  private prompts({ card, prompts, asked }: Told): void {
    const views = card?.prompts ?? [];
    this.fill("prompts", [views.map(({ offset }) => [offset, prompts.has(offset)]), asked.has("card") && views.some(({ offset }) => !prompts.has(offset))], () => {
      const open = new Set([...this.part("prompts").body.querySelectorAll<HTMLElement>("details[open]")].map(({ dataset }) => dataset["prompt"]));
      return views.map((view) => promptElement(view, prompts.get(view.offset) ?? null, open.has(String(view.offset)), (card?.attempts ?? 1) > 1));
    });
    this.part("prompts").root.hidden = views.length === 0;
    setText(this.part("prompts").title, views.length > 1 ? "Its exact prompts" : "Its exact prompt");
  }

  private deeds(turn: TurnView, { card }: Told): void {
    this.calls.update(turn.calls);
    const votes = [...(card?.calls ?? []), ...(card?.votes ?? []), ...(card?.files ?? []), ...(card?.labels ?? [])];
    const place = this.part("calls");
    if (place.body.childElementCount < 2) place.body.append(element("ul", { class: "ap-card-lines" }));
    this.list(place.body.lastElementChild as HTMLElement, "deeds", votes, (told) => [element("li", {}, told)]);
    place.root.hidden = votes.length + turn.calls.length === 0;
    this.fill("errors", card?.errors ?? [], () => [element("ul", { class: "ap-card-lines" }, ...(card?.errors ?? []).map((error) => element("li", {}, error)))]);
    this.part("errors").root.hidden = (card?.errors.length ?? 0) === 0;
    this.fill("recalled", card?.recalled ?? [], () => (card?.recalled ?? []).map(hitElement));
    this.part("recalled").root.hidden = (card?.recalled.length ?? 0) === 0;
  }

  private found({ alike, asked, problems }: Told, link: Link): void {
    const problem = problems.get("alike") ?? "";
    this.fill("alike", [alike, asked.has("alike"), problem], () => [
      this.look,
      ...(problem === "" ? [] : [element("p", { role: "alert" }, problem)]),
      ...(alike === null ? [] : [element("p", {}, alike.hits.length === 0 ? "Nothing alike." : `${alike.hits.length} found, best first`)]),
      ...(alike?.hits ?? []).map(hitElement),
      ...(alike?.notes ?? []).map((note) => element("p", { class: "ap-card-quiet" }, note)),
    ]);
    this.look.disabled = link !== "live" || asked.has("alike");
    setText(this.look, asked.has("alike") ? "Looking …" : alike === null ? "Look up" : "Look up again");
  }

  private spread(model: Model, turn: TurnView, { card, spread, asked, problems }: Told, link: Link): void {
    const readers: readonly NamedTurn[] = card?.readers ?? readersOf(model, turn);
    this.fill("spread", [readers, card?.readers_count, card?.after], () => [
      line(readers.length === 0 ? "Nobody has read it yet." : `Read by ${card?.readers_count ?? readers.length}:`, readers, model),
      ...(card === null || card.after === 0 ? [] : [element("p", { class: "ap-card-quiet" }, `${card.after} ${card.after === 1 ? "turn" : "turns"} came from it, by way of others too.`)]),
    ]);
    this.words.disabled = link !== "live";
    (this.follow.lastElementChild as HTMLButtonElement).disabled = link !== "live" || asked.has("spread");
    const problem = problems.get("spread") ?? "";
    const rows = problem === "" ? (spread?.places ?? []) : [];
    const told = problem !== "" ? problem : spread === null ? "" : `“${spread.text}” stands in ${spread.count} ${spread.count === 1 ? "turn" : "turns"}:`;
    this.list(this.part("spread").root.querySelector<HTMLElement>(".ap-card-places") as HTMLElement, "places", [told, ...rows], (row) =>
      typeof row === "string"
        ? row === "" ? [] : [element("p", {}, row)]
        : [element("p", {}, turnButton(row, model), ` at offset ${row.offset}, ${row.score.toFixed(2)}, has it from ${row.origin}: `, element("q", {}, row.text))],
    );
  }

  private act(model: Model, turn: TurnView, link: Link, outcome: Scene["outcome"]): void {
    const bar = model.bars.get(turn.id);
    const end = bar === undefined ? turn.start : bar.end; // a person's message has no bar
    this.actions.update(end === null ? null : String(end), link === "live", outcome);
    const lines = [`%trace ${turn.name}`, ...(model.run.run === "" ? [] : [`%trace ${model.run.run} --blame CHECK`])];
    this.list(this.commands, "commands", lines, (told) => [commandButton(told)]);
  }

  // Drawing what changed ----------------------------------------------------------------------------------

  private section(name: string, title: string) {
    const heading = element("h4", {}, title);
    const body = element("div", { class: "ap-card-body" });
    const root = element("section", { class: "ap-card-part", "data-part": name }, heading, body);
    const made = { root, title: heading, body, drawn: "" };
    this.sections.set(name, made);
    this.root.append(root);
    return made;
  }

  private part(name: string) {
    const found = this.sections.get(name);
    if (found === undefined) throw new Error(`the card has no part ${name}`);
    return found;
  }

  /** Draws a part anew where what it is drawn from has changed. */
  private fill(name: string, from: unknown, draw: () => readonly Node[]): void {
    const part = this.part(name);
    const sign = JSON.stringify(from);
    if (sign === part.drawn) return;
    part.drawn = sign;
    part.body.replaceChildren(...draw());
  }

  private list<T>(place: HTMLElement, name: string, items: readonly T[], draw: (item: T) => readonly Node[]): void {
    const sign = JSON.stringify([name, items]);
    if (place.dataset["drawn"] === sign) return;
    place.dataset["drawn"] = sign;
    place.replaceChildren(...items.flatMap(draw));
  }

  // What its buttons do -----------------------------------------------------------------------------------

  private readonly lookUp = (): void => this.asked("alike");

  private readonly followWords = (event: Event): void => {
    event.preventDefault();
    this.asked("spread", { text: this.words.value.trim() });
  };

  private asked(about: "alike" | "spread" | "card", more: { text?: string; prompt?: number } = {}): void {
    if (this.inquiry.ask(about, more)) this.onAsked();
  }

  /** Set by who draws it: a question is on its way. */
  onAsked: () => void = () => {};

  private readonly marked = (): void => {
    const text = document.getSelection()?.toString().trim() ?? "";
    if (text !== "") this.words.value = text.replace(/\s+/g, " ");
  };

  /** A prompt that is opened for the first time is asked for. */
  private readonly opened = (event: Event): void => {
    const details = event.target;
    if (!(details instanceof HTMLDetailsElement) || !details.open) return;
    const offset = Number(details.dataset["prompt"]);
    if (details.dataset["prompt"] !== undefined && !this.inquiry.told.prompts.has(offset)) this.asked("card", { prompt: offset });
  };
}

function promptElement(view: PromptView, messages: readonly PromptMessage[] | null, open: boolean, several: boolean): HTMLElement {
  const how = view.way === "" ? "Asked" : `Asked to go on (${view.way})`;
  const state = view.problem === "" ? "exactly as it was sent" : view.problem;
  const which = several ? `Attempt ${view.attempt}. ` : "";
  const words = messages === null
    ? [element("p", { class: "ap-card-quiet" }, "Reading the log …")]
    : messages.map(({ role, text, calls }) =>
        element(
          "div",
          { class: "ap-prompt-message" },
          element("div", { class: "ap-prompt-role" }, element("b", {}, role), copyButton(`Copy the ${role} message`)),
          element("pre", {}, text),
          ...calls.map((call) => element("code", {}, `calls ${call}`)),
        ),
      );
  const details = element("details", { class: "ap-prompt", "data-prompt": String(view.offset) }, element("summary", {}, `${which}${how} at offset ${view.offset}, having read below ${view.seen}: ${state}`), ...words);
  details.open = open;
  return details;
}

function hitElement(hit: HitView): HTMLElement {
  const prose = new Prose();
  prose.update(hit.text, false);
  return element(
    "details",
    { class: "ap-card-hit" },
    element("summary", {}, element("b", {}, hit.score.toFixed(2)), ` ${hit.question} · ${hit.source}: `, element("span", { class: "ap-card-quiet" }, hit.excerpt)),
    prose.root,
  );
}

/** Some words, and turns that can be selected. */
function line(words: string, turns: readonly NamedTurn[], model: Model): HTMLElement {
  const whys = turns.some(({ why }) => why !== "");
  if (!whys) return element("p", {}, words, ...turns.flatMap((turn) => [" ", turnButton(turn, model)]));
  return element("div", {}, element("p", {}, words), element("ul", { class: "ap-card-lines" }, ...turns.map((turn) => element("li", {}, turnButton(turn, model), turn.why === "" ? "" : ` ${turn.why}`))));
}

/** A turn by name: a button where the page has it. */
function turnButton({ id, name }: { readonly id: string; readonly name: string }, model: Model): HTMLElement {
  return model.turns.has(id)
    ? element("button", { type: "button", class: "ap-ref", "data-select": id, title: `Select ${name}` }, name)
    : element("span", { class: "ap-ref" }, name);
}
