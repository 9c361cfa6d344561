/** The extension as JupyterLab loads it: a container of modules, as webpack's module federation has them.
 *
 * JupyterLab calls `init` with the packages that it shares, and then `get` for the module that holds the plugins. The
 * shared packages are loaded before the plugins' code runs, which then finds each of them where the build says.
 */

interface Offer {
  get(): Promise<() => unknown> | (() => unknown);
  loaded?: number | boolean;
}

/** By package and version: who offers it. */
type Scope = Record<string, Record<string, Offer>>;

const NAMES: string[] = "@@SHARED@@" as unknown as string[]; // the build writes the list here

let scope: Scope = {};

/** Of several versions of a package the one that is in use, else the newest: as for all that may exist only once. */
export function chosen(versions: Record<string, Offer>): string | undefined {
  const all = Object.keys(versions);
  return all.find((one) => versions[one]?.loaded) ?? all.sort((a, b) => b.localeCompare(a, "en", { numeric: true }))[0];
}

async function taken(name: string): Promise<unknown> {
  const versions = scope[name] ?? {};
  const version = chosen(versions);
  if (version === undefined) throw new Error(`agentpool-jupyter: this JupyterLab has no ${name}; version 4.4 or newer has`);
  const offer = versions[version] as Offer;
  const factory = await offer.get();
  offer.loaded = 1;
  return factory();
}

const container = {
  init(shared: Scope): void {
    scope = shared;
  },
  async get(module: string): Promise<() => unknown> {
    if (module !== "./extension") throw new Error(`agentpool-jupyter has no module ${module}`);
    const packages = await Promise.all(NAMES.map(async (name) => [name, await taken(name)] as const));
    (globalThis as Record<string, unknown>)["_AGENTPOOL_SHARED"] = Object.fromEntries(packages);
    const { default: plugins } = await import("./plugins");
    return () => ({ __esModule: true, default: plugins });
  },
};

const all = ((globalThis as Record<string, unknown>)["_JUPYTERLAB"] ??= {}) as Record<string, unknown>;
all["agentpool-jupyter"] = container;
