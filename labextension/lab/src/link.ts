/** The line to the kernel of the notebook in front, or of one notebook: found by itself, and again after a restart. */

import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { Kernel, KernelMessage } from "@jupyterlab/services";
import { type ISignal, Signal } from "@lumino/signaling";

import { type Answer, type Errand, parse, TARGET, type ToPage, type Watch } from "./wire";

/** How things stand with that kernel. `absent` is one without the extension, `foreign` one that is no Python. */
export type LinkState = "no notebook" | "no kernel" | "foreign" | "waiting" | "absent" | "open";

export const LOAD = "%load_ext agentpool_jupyter";

export class Link {
  private comm: Kernel.IComm | null = null;
  private kernel: Kernel.IKernelConnection | null = null;
  private notebook: NotebookPanel | null = null;
  private asks = 0;
  private readonly open = new Map<number, (answer: Answer) => void>();
  private readonly wants = new Map<object, Partial<Watch>>();
  private readonly changes = new Signal<this, void>(this);
  private readonly messages = new Signal<this, ToPage>(this);
  private python = false; // of the kernel: known once it has said so
  private mayHaveLoaded = false;
  private _state: LinkState = "no notebook";

  /** To the kernel of whichever notebook is in front, or of one notebook. */
  constructor(private readonly of: { tracker: INotebookTracker } | { notebook: NotebookPanel }) {
    if ("tracker" in of) of.tracker.currentChanged.connect(() => this.follow());
    document.addEventListener("visibilitychange", this.tell);
    this.follow();
  }

  /** Hangs up for good. */
  dispose(): void {
    document.removeEventListener("visibilitychange", this.tell);
    this.hangUp();
    Signal.clearData(this);
  }

  /** When the state, or the notebook, has changed. */
  get changed(): ISignal<this, void> {
    return this.changes;
  }

  get message(): ISignal<this, ToPage> {
    return this.messages;
  }

  get state(): LinkState {
    return this._state;
  }

  /** The notebook's name; empty without one. */
  get name(): string {
    return this.notebook?.context.path.split("/").pop() ?? "";
  }

  /** Says what somebody can see now; null takes it back. Nothing is sent by the kernel that nobody can see. */
  watch(who: object, what: Partial<Watch> | null): void {
    if (what) this.wants.set(who, what);
    else this.wants.delete(who);
    this.tell();
  }

  /** Has all that is watched sent once more, at once. */
  lookAgain(): void {
    this.tell();
  }

  /** Has something done; the answer says what came of it. */
  ask(errand: Errand): Promise<Answer> {
    const ask = ++this.asks;
    const comm = this.comm;
    if (!comm || this._state !== "open") {
      return Promise.resolve({ kind: "answer", ask, text: "no kernel with agents is in front", failed: true });
    }
    return new Promise((answer) => {
      this.open.set(ask, answer);
      comm.send({ ...errand, ask } as never);
    });
  }

  /** Loads the extension into the kernel in front; resolves to what went wrong, or to nothing. */
  async load(): Promise<string> {
    if (!this.kernel) return "there is no kernel";
    const future = this.kernel.requestExecute({ code: LOAD, store_history: false, stop_on_error: false });
    const reply = await future.done;
    if (reply.content.status === "ok") {
      if (!this.comm) this.connect();
      return "";
    }
    const { ename } = reply.content as KernelMessage.IReplyErrorContent;
    return ename === "ModuleNotFoundError" ? "agentpool-jupyter is not installed where this kernel runs" : String(ename);
  }

  private follow(): void {
    const notebook = "tracker" in this.of ? this.of.tracker.currentWidget : this.of.notebook;
    if (notebook !== this.notebook) {
      this.notebook?.sessionContext?.kernelChanged.disconnect(this.onKernel, this);
      this.notebook = notebook;
      notebook?.sessionContext.kernelChanged.connect(this.onKernel, this);
    }
    this.onKernel();
  }

  private onKernel(): void {
    const kernel = this.notebook?.sessionContext.session?.kernel ?? null;
    if (kernel !== this.kernel) {
      if (this.kernel) {
        this.kernel.statusChanged.disconnect(this.onStatus, this);
        this.kernel.iopubMessage.disconnect(this.onPublished, this);
      }
      this.hangUp();
      this.kernel = kernel;
      this.python = false;
      kernel?.statusChanged.connect(this.onStatus, this);
      kernel?.iopubMessage.connect(this.onPublished, this);
      if (kernel) void this.greet(kernel);
    }
    if (!this.notebook) this.become("no notebook");
    else if (!kernel) this.become("no kernel");
    else this.changes.emit();
  }

  private async greet(kernel: Kernel.IKernelConnection): Promise<void> {
    this.become("waiting");
    const info = await kernel.info;
    if (kernel !== this.kernel) return;
    this.python = info.language_info.name === "python";
    if (!this.python) this.become("foreign");
    else if (!this.comm) this.connect();
  }

  private onStatus(_kernel: unknown, status: Kernel.Status): void {
    if (status === "restarting" || status === "autorestarting" || status === "dead" || status === "terminating") {
      this.hangUp();
      this.become(status === "dead" || status === "terminating" ? "no kernel" : "waiting");
    } else if (status === "idle" && this.python && !this.comm && (this._state === "waiting" || this.mayHaveLoaded)) {
      this.connect();
    }
  }

  /** Sees when a cell may have loaded the extension: then, and only then, it is worth another try. */
  private onPublished(_kernel: unknown, message: KernelMessage.IIOPubMessage): void {
    if (message.header.msg_type !== "execute_input") return;
    const { code } = message.content as KernelMessage.IExecuteInputMsg["content"];
    if (code.includes("agentpool")) this.mayHaveLoaded = true;
  }

  private connect(): void {
    const kernel = this.kernel;
    if (!kernel || kernel.isDisposed) return;
    this.hangUp();
    this.mayHaveLoaded = false;
    const comm = kernel.createComm(TARGET);
    this.comm = comm;
    comm.onMsg = (message) => this.hear(comm, message.content.data);
    comm.onClose = () => {
      if (comm !== this.comm) return;
      this.comm = null;
      this.giveUp();
      this.become("absent");
    };
    comm.open();
    this.tell();
    this.become("waiting");
  }

  private hear(comm: Kernel.IComm, data: unknown): void {
    if (comm !== this.comm) return;
    const message = parse(data);
    if (!message) return;
    this.become("open");
    if ("ask" in message) {
      this.open.get(message.ask)?.(message);
      this.open.delete(message.ask);
    }
    this.messages.emit(message);
  }

  private hangUp(): void {
    const comm = this.comm;
    this.comm = null;
    this.giveUp();
    if (comm && !comm.isDisposed && this.kernel && !this.kernel.isDisposed && this.kernel.connectionStatus === "connected") {
      comm.close();
    }
  }

  private giveUp(): void {
    for (const [ask, answer] of this.open) answer({ kind: "answer", ask, text: "the kernel is gone", failed: true });
    this.open.clear();
  }

  private become(state: LinkState): void {
    this._state = state;
    this.changes.emit();
  }

  private readonly tell = (): void => {
    if (!this.comm) return; // also before the kernel has answered: what is shown meanwhile counts
    const wants = document.hidden ? [] : [...this.wants.values()];
    const watch: Watch = {
      running: wants.some((want) => want.running),
      pools: wants.some((want) => want.pools),
      documents: [...new Set(wants.flatMap((want) => want.documents ?? []))],
    };
    this.comm.send({ kind: "watch", ...watch } as never);
  };
}
