// One view of a run: puts the parts together and feeds them, once a frame, from one session.

import { TurnCard } from "./card";
import { Casting } from "./cast";
import { Copying } from "./copy";
import { Dock } from "./dock";
import { DocumentView } from "./document";
import { element, Frame, setAttribute } from "./dom";
import { Filter } from "./filter";
import { FoundMarks } from "./found";
import { Graphs } from "./graphs";
import { Header } from "./header";
import { Inquiry } from "./inquiry";
import { Lanes } from "./lanes";
import { mark } from "./palette";
import { Picking, shownTurn } from "./picking";
import { SayForm } from "./say";
import { Selection } from "./selection";
import { isLive, Session, type Scene, type WidgetModel } from "./session";
import { Switches, type Shown } from "./switches";
import { Timeline } from "./timeline";
import { Tray } from "./tray";
import type { TurnView } from "./wire";

/** Draws a widget into `el` and returns what undoes it all. */
export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const casting = new Casting();
  const earlier = new Casting();
  const selection = new Selection();
  const lanes = new Lanes();
  const transcript = new DocumentView();
  const graphs = new Graphs(selection);
  let scene: Scene = { model: null, link: "waiting", problem: "", then: null, outcome: null };
  let shown: Shown = { page: "lanes", graph: true, timeline: true };

  const draw = (): void => {
    header.update(scene);
    const live = scene.model === null || isLive(scene.model);
    say.open(live && scene.link === "live", live ? "Not connected" : "The run has ended");
    dock.keep(scene.model !== null && live && (scene.link === "live" || scene.link === "waiting"));
    if (scene.model === null) return;
    tray.update(scene.model.run, scene.link === "live");
    follow();
    timeline.root.hidden = !shown.timeline;
    if (shown.timeline) timeline.update(scene.model, casting.of(scene.model), live, scene);
    setAttribute(root, "data-then", scene.then === null ? null : "");
    const looked = scene.then?.model ?? scene.model;
    const cast = (scene.then === null ? casting : earlier).of(looked);
    const source = {
      turn: (id: string) => looked.turns.get(id),
      mark: (agent: string) => cast.get(agent)?.mark ?? mark(null),
    };
    const { cast: members, order } = filter.of(looked, cast);
    graphs.root.hidden = !shown.graph || cast.size < 2;
    lanes.root.hidden = shown.page !== "lanes";
    transcript.root.hidden = shown.page !== "document";
    // What is out of sight is brought up to date when it is looked at.
    if (!graphs.root.hidden) graphs.update(looked, cast);
    if (shown.page === "lanes") lanes.update(members, source);
    else transcript.update(order, source);
    card.update(scene.model, casting.of(scene.model), selection.current, scene);
    found.show((shown.page === "lanes" ? lanes : transcript).root, filter.query);
  };
  /** A turn that was tried again is gone: what is selected then is the one that counts. */
  const follow = (): void => {
    const selected = selection.current;
    if (scene.model === null || selected === null || scene.model.turns.has(selected.turn)) return;
    const next = shownTurn(scene.model, selected.turn);
    if (next !== null) selection.select(next);
  };
  const frame = new Frame(draw);
  const session = new Session(
    model,
    (next) => {
      if (next.link === "live" && scene.link !== "live") inquiry.forget();
      scene = next;
      frame.request();
    },
    (answer) => inquiry.hear(answer),
  );
  const inquiry = new Inquiry((question) => session.inquire(question), () => frame.request());
  const card = new TurnCard(inquiry, () => selection.clear(), (wish) => session.act(wish));
  card.onAsked = () => frame.request();
  const say = new SayForm((text) => session.send({ kind: "say", text }));
  const tray = new Tray((answer) => session.send(answer));
  const switches = new Switches(shown, (next) => {
    shown = next;
    draw();
    (shown.page === "lanes" ? lanes : transcript).restore();
  });
  const timeline = new Timeline((at) => session.look(at), (wish) => session.act(wish));
  const filter = new Filter(() => draw());
  const found = new FoundMarks();
  const header = new Header({ stop: () => session.send({ kind: "stop" }) }, say.root, switches.root, filter.root);
  const dock = new Dock(element("div", { class: "ap-top" }, header.root, tray.root));
  const root = element(
    "div",
    // No page that typesets its mathematics takes two amounts of dollars for a formula.
    { class: "agentpool-widget mathjax_ignore tex2jax_ignore", "data-testid": "agentpool-widget", tabindex: "-1" },
    dock.slot,
    graphs.root,
    timeline.root,
    element("div", { class: "ap-body" }, element("div", { class: "ap-pages" }, lanes.root, transcript.root), card.root, card.sill),
  );
  const picking = new Picking(root, selection, () => scene.model);
  for (const view of [lanes, transcript, timeline, graphs]) selection.subscribe(view.select);
  let before: string | null = null;
  selection.subscribe((selected) => {
    const within = card.root.contains(document.activeElement);
    draw();
    // The focus goes where a keyboard is needed next: to the card, and back to the turn that it was opened from.
    if (selected?.byKey === true) card.focus();
    else if (selected === null && within && before !== null) (shown.page === "lanes" ? lanes : transcript).focus(before) || root.focus({ preventScroll: true });
    else if (!root.contains(document.activeElement)) root.focus({ preventScroll: true });
    if (selected !== null) card.come();
    before = selected?.turn ?? null;
  });
  const copying = new Copying(root, (button) => {
    const own = scene.model === null ? null : card.textOf(button, scene.model);
    if (own !== null) return own;
    const id = button.closest<HTMLElement>(".ap-turn")?.dataset["id"];
    const looked = scene.then?.model ?? scene.model;
    if (looked === null) return null;
    const ids = id === undefined ? filter.of(looked, casting.of(looked)).order : [id];
    return asMarkdown(ids.flatMap((each) => looked.turns.get(each) ?? []));
  });
  const slash = (event: KeyboardEvent): void => {
    if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    event.stopPropagation();
    filter.focus();
  };
  root.addEventListener("keydown", slash);
  graphs.root.hidden = true;
  transcript.root.hidden = true;
  el.append(root);
  draw();

  return () => {
    session.close();
    found.clear();
    root.removeEventListener("keydown", slash);
    frame.cancel();
    for (const part of [dock, header, tray, graphs, lanes, transcript, say, switches, filter, timeline, copying, picking, card]) part.close();
    root.remove();
  };
}

/** As `Document.text` has it. */
function asMarkdown(turns: readonly TurnView[]): string {
  const [only] = turns;
  if (turns.length === 1 && only !== undefined) return only.text.trim();
  return turns.map(({ name, text }) => `### ${name}\n\n${text.trim()}`).join("\n\n");
}
