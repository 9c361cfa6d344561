/** A pool's document beside the notebook, as it grows; stays at the end where one is at the end. */

import { MainAreaWidget } from "@jupyterlab/apputils";
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Message } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";

import { element, setText } from "../../src/dom";
import { agentsIcon } from "./icon";
import type { Link } from "./link";
import type { PoolDocument } from "./wire";

const NEAR_THE_END = 24; // pixels

export class DocumentView extends Widget {
  private readonly notice = element("div", { class: "ap-lab-notice", role: "status" });
  private readonly text = element("div", { class: "ap-lab-turns" });
  private readonly parts: IRenderMime.IRenderer[] = []; // a turn each
  private known = false;

  constructor(
    private readonly link: Link,
    private readonly rendermime: IRenderMimeRegistry,
    readonly pool: string,
  ) {
    super();
    this.addClass("ap-lab-document");
    this.node.tabIndex = 0;
    this.node.append(this.notice, this.text);
    link.message.connect(this.hear, this);
    link.changed.connect(this.draw, this);
    this.draw();
  }

  override dispose(): void {
    this.link.message.disconnect(this.hear, this);
    this.link.changed.disconnect(this.draw, this);
    this.link.watch(this, null);
    this.keep(0);
    super.dispose();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.link.watch(this, { documents: [this.pool] });
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) this.link.watch(this, { documents: [this.pool] });
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.link.watch(this, null);
  }

  private hear(_link: Link, message: { kind: string }): void {
    if (message.kind !== "document" || (message as PoolDocument).pool !== this.pool) return;
    const { parts, turns } = message as PoolDocument;
    this.known = true;
    const { node } = this;
    const follows = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_THE_END;
    const place = node.scrollTop;
    this.keep(turns);
    while (this.parts.length < turns) {
      const part = this.rendermime.createRenderer("text/html");
      this.parts.push(part);
      this.text.append(part.node);
    }
    this.draw();
    const rendered = Object.entries(parts).map(([at, html]) => {
      // As the output of a cell of this kernel: `display` has escaped what people and models wrote.
      return this.parts[Number(at)]?.renderModel(this.rendermime.createModel({ data: { "text/html": html }, trusted: true }));
    });
    void Promise.all(rendered).then(() => {
      node.scrollTop = follows ? node.scrollHeight : place;
    });
  }

  /** Drops the turns beyond so many. */
  private keep(turns: number): void {
    for (const part of this.parts.splice(turns)) {
      part.node.remove();
      part.dispose();
    }
  }

  private draw(): void {
    const { state, name } = this.link;
    const why = state === "open" ? (this.known ? "Nothing has been said yet." : `Reading ${this.pool} …`) : `No kernel with agents is in front${name && ` (${name})`}: what stands here is as it was.`;
    this.notice.hidden = this.parts.length > 0 && state === "open";
    setText(this.notice, this.known || state === "open" ? why : "No kernel with agents is in front: open the notebook of this pool.");
  }
}

export function documentWidget(link: Link, rendermime: IRenderMimeRegistry, pool: string): MainAreaWidget<DocumentView> {
  const widget = new MainAreaWidget({ content: new DocumentView(link, rendermime, pool) });
  widget.id = `agentpool-document-${pool}`;
  widget.title.label = pool;
  widget.title.icon = agentsIcon;
  widget.title.caption = `The document of pool ${pool}`;
  widget.title.closable = true;
  return widget;
}
