/** JupyterLab's completion in cells of `%%agents`: keys from the schema, and the names that the cell and its kernel know. */

import {
  type CompletionHandler,
  CompletionProviderManager,
  type ICompletionContext,
  type ICompletionProvider,
  type ICompletionProviderManager,
} from "@jupyterlab/completer";

import type { Link } from "../link";
import { type Known, suggestions } from "./context";
import { isTeam, magicEnd } from "./text";

const NOTHING: Known = { tools: [], models: ["local"], pools: [] };

/** Keeps those quiet who take every cell for the kernel's language, where the cursor stands in a team's description. */
export function quieten(manager: ICompletionProviderManager, enabled: () => boolean): void {
  if (!(manager instanceof CompletionProviderManager)) return; // only this one says who they are
  for (const [name, provider] of manager.getProviders()) {
    if (!name.startsWith("CompletionProvider:")) continue;
    const applies = provider.isApplicable.bind(provider);
    provider.isApplicable = async (context) => !(enabled() && inTeam(context)) && (await applies(context));
  }
}

function inTeam({ editor }: ICompletionContext): boolean {
  const text = editor?.model.sharedModel.getSource() ?? "";
  return editor !== null && editor !== undefined && isTeam(text) && editor.getOffsetAt(editor.getCursorPosition()) > magicEnd(text);
}

export class CellCompleter implements ICompletionProvider {
  readonly identifier = "agentpool-jupyter:cell";
  readonly rank = 1000; // before the kernel, which takes the cell for Python
  readonly renderer = null;

  constructor(
    private readonly link: Link,
    private readonly enabled: () => boolean,
  ) {}

  async isApplicable(context: ICompletionContext): Promise<boolean> {
    return this.enabled() && magicEnd(context.editor?.model.sharedModel.getSource() ?? "") >= 0;
  }

  async fetch(request: CompletionHandler.IRequest): Promise<CompletionHandler.ICompletionItemsReply> {
    const found = suggestions(request.text, request.offset, await this.known());
    const items = found?.items ?? [];
    return {
      start: found?.from ?? request.offset,
      end: request.offset,
      items: items.map(({ label, insert, kind, about }) => ({ label, insertText: insert, type: kind, ...(about ? { documentation: about } : {}) })),
    };
  }

  /** What the kernel knows; where it has no agents, or is slow to say so, what is known without it. */
  private async known(): Promise<Known> {
    if (this.link.state !== "open") return NOTHING;
    const late = new Promise<Known>((done) => setTimeout(() => done(NOTHING), 500));
    const asked = this.link.ask({ kind: "names" }).then((answer) => (answer.kind === "names" ? answer : NOTHING));
    return Promise.race([asked, late]);
  }
}
