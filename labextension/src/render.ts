// One view of a run: puts the parts together and feeds them, once a frame, from one session.

import { Casting } from "./cast";
import { Copying } from "./copy";
import { Dock } from "./dock";
import { DocumentView } from "./document";
import { element, Frame } from "./dom";
import { Graph } from "./graph";
import { Header } from "./header";
import { Lanes } from "./lanes";
import { mark } from "./palette";
import { SayForm } from "./say";
import { isLive, Session, type Scene, type WidgetModel } from "./session";
import { Switches, type Shown } from "./switches";
import { Tray } from "./tray";

/** Draws a widget into `el` and returns what undoes it all. */
export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const casting = new Casting();
  const lanes = new Lanes();
  const transcript = new DocumentView();
  const graph = new Graph();
  let scene: Scene = { model: null, link: "waiting", problem: "" };
  let shown: Shown = { page: "lanes", graph: true };

  const draw = (): void => {
    header.update(scene);
    const live = scene.model === null || isLive(scene.model);
    say.open(live && scene.link === "live", live ? "Not connected" : "The run has ended");
    dock.keep(scene.model !== null && live && scene.link !== "absent");
    if (scene.model === null) return;
    const now = scene.model;
    const cast = casting.of(now);
    const source = {
      turn: (id: string) => now.turns.get(id),
      mark: (agent: string) => cast.get(agent)?.mark ?? mark(null),
    };
    tray.update(now.run, scene.link === "live");
    graph.root.hidden = !shown.graph || cast.size < 2;
    lanes.root.hidden = shown.page !== "lanes";
    transcript.root.hidden = shown.page !== "document";
    // What is out of sight is brought up to date when it is looked at.
    if (!graph.root.hidden) graph.update(now, cast);
    if (shown.page === "lanes") lanes.update(cast, source);
    else transcript.update(now.order, source);
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
  const header = new Header({ stop: () => session.send({ kind: "stop" }) }, say.root, switches.root);
  const dock = new Dock(element("div", { class: "ap-top" }, header.root, tray.root));
  const root = element(
    "div",
    // No page that typesets its mathematics takes two amounts of dollars for a formula.
    { class: "agentpool-widget mathjax_ignore tex2jax_ignore", "data-testid": "agentpool-widget" },
    dock.slot,
    graph.root,
    lanes.root,
    transcript.root,
  );
  const copying = new Copying(root, () => null);
  graph.root.hidden = true;
  transcript.root.hidden = true;
  el.append(root);
  draw();

  return () => {
    session.close();
    frame.cancel();
    for (const part of [dock, header, tray, graph, lanes, transcript, say, switches, copying]) part.close();
    root.remove();
  };
}
