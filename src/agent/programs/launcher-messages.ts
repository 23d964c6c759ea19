/** A program and what it is given. The environment is the whole of it. */
export interface Program {
  program: string;
  args: readonly string[];
  cwd?: string;
  env: Readonly<Record<string, string>>;
}

/** What the launcher is asked for. The id names the program in all that is said of it. */
export type ToLauncher = { id: number } & (
  | ({ type: 'run'; input: string; maxOutput: number } & Program)
  | ({ type: 'hand-over'; maxOutput: number } & Program)
  | ({ type: 'detach'; log: string } & Program)
  | { type: 'kill'; signal: NodeJS.Signals }
);

/** How a program ended; its output is empty where it went elsewhere. */
export interface ProgramEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** What the launcher says; a handle that a program hands over comes with `handed-over`. */
export type FromLauncher = { id: number } & (
  | { type: 'started' }
  | { type: 'handed-over' }
  | ({ type: 'ended' } & ProgramEnd)
  | { type: 'failed'; code: string | undefined; message: string }
);
