// What every widget brings along itself: it draws with the code of the notebook's one FrontEnd (live/widget.py), so that
// a saved notebook holds that once, however many runs it shows, and not at all where it was run without a page.

interface FrontEnd {
  get(name: string): unknown;
  once(event: string, then: () => void): void;
  on(event: string, then: () => void): void;
  set(values: { code: string; style: string }): void;
  /** The line to the kernel; none where there is only a saved state. */
  readonly comm?: { send(data: { method: string }): unknown };
  /** The code as a module, once a view has loaded it. */
  loaded?: Promise<{ default: { render(context: Context): () => void } }>;
}

interface Context {
  readonly model: { get(name: string): unknown; readonly widget_manager: { get_model(id: string): Promise<FrontEnd> } };
  readonly el: HTMLElement;
  /** Says that the view went away, in versions of anywidget that tell. */
  readonly signal?: AbortSignal;
}

async function render(context: Context): Promise<(() => void) | undefined> {
  const frontEnd = await context.model.widget_manager.get_model(String(context.model.get("front_end")));
  if (!frontEnd.get("code") && frontEnd.loaded === undefined) {
    if (!frontEnd.comm) return undefined; // what stands in is shown
    await state(frontEnd);
  }
  if (frontEnd.loaded === undefined) keep(frontEnd);
  frontEnd.loaded ??= load(String(frontEnd.get("code")));
  const { default: widget } = await frontEnd.loaded;
  if (context.signal?.aborted === true) return undefined;
  const style = document.createElement("style");
  style.textContent = `${String(frontEnd.get("style"))}\n${String(context.model.get("hides") ?? "")}`;
  context.el.append(style);
  return widget.render(context);
}

/** Asks for the front end's state: the kernel leaves the code out of what is recorded while no page has drawn anything. */
function state(frontEnd: FrontEnd): Promise<void> {
  return new Promise((resolve) => {
    frontEnd.once("change:code", resolve);
    frontEnd.comm?.send({ method: "request_state" });
  });
}

/** A page that has drawn saves the code with the notebook, also where the kernel does not know yet that it has. */
function keep(frontEnd: FrontEnd): void {
  const [code, style] = [String(frontEnd.get("code")), String(frontEnd.get("style"))];
  frontEnd.on("change:code change:style", () => {
    if (!frontEnd.get("code")) frontEnd.set({ code, style });
  });
}

async function load(code: string): Promise<Awaited<NonNullable<FrontEnd["loaded"]>>> {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default { render };
