// One view of a run: puts the parts together and feeds them, once a frame, from one session.

import { Casting } from "./cast";
import { Copying } from "./copy";
import { Dock } from "./dock";
import { DocumentView } from "./document";
import { element, Frame, setAttribute } from "./dom";
import { Filter } from "./filter";
import { FoundMarks } from "./found";
import { Graph } from "./graph";
import { Header } from "./header";
import { Lanes } from "./lanes";
import { mark } from "./palette";
import { SayForm } from "./say";
import { isLive, Session, type Scene, type WidgetModel } from "./session";
import { Switches, type Shown } from "./switches";
import { Timeline } from "./timeline";
import { Tray } from "./tray";
import type { TurnView } from "./wire";

/** Draws a widget into `el` and returns what undoes it all. */
export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const casting = new Casting();
  const earlier = new Casting();
  const lanes = new Lanes();
  const transcript = new DocumentView();
  const graph = new Graph();
  let scene: Scene = { model: null, link: "waiting", problem: "", then: null, outcome: null };
  let shown: Shown = { page: "lanes", graph: true, timeline: true };

  const draw = (): void => {
    header.update(scene);
    const live = scene.model === null || isLive(scene.model);
    say.open(live && scene.link === "live", live ? "Not connected" : "The run has ended");
    dock.keep(scene.model !== null && live && scene.link !== "absent");
    if (scene.model === null) return;
    tray.update(scene.model.run, scene.link === "live");
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
    graph.root.hidden = !shown.graph || cast.size < 2;
    lanes.root.hidden = shown.page !== "lanes";
    transcript.root.hidden = shown.page !== "document";
    // What is out of sight is brought up to date when it is looked at.
    if (!graph.root.hidden) graph.update(looked, cast);
    if (shown.page === "lanes") lanes.update(members, source);
    else transcript.update(order, source);
    found.show((shown.page === "lanes" ? lanes : transcript).root, filter.query);
  };
  const frame = new Frame(draw);
  const session = new Session(model, (next) => {
    scene = next;
    frame.request();
  });
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
    { class: "agentpool-widget mathjax_ignore tex2jax_ignore", "data-testid": "agentpool-widget" },
    dock.slot,
    graph.root,
    timeline.root,
    lanes.root,
    transcript.root,
  );
  const copying = new Copying(root, (button) => {
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
  graph.root.hidden = true;
  transcript.root.hidden = true;
  el.append(root);
  draw();

  return () => {
    session.close();
    found.clear();
    root.removeEventListener("keydown", slash);
    frame.cancel();
    for (const part of [dock, header, tray, graph, lanes, transcript, say, switches, filter, timeline, copying]) part.close();
    root.remove();
  };
}

/** As `Document.text` has it. */
function asMarkdown(turns: readonly TurnView[]): string {
  const [only] = turns;
  if (turns.length === 1 && only !== undefined) return only.text.trim();
  return turns.map(({ name, text }) => `### ${name}\n\n${text.trim()}`).join("\n\n");
}
