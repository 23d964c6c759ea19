import { Listr, PRESET_TIMER } from 'listr2';

export interface Step {
  title: string;
  /** Says why there is nothing to do. */
  skip?: () => string | false;
  /** Does it; `say` tells what is going on, `warn` that it went on without. */
  run(say: (text: string) => void, warn: (text: string) => void): Promise<void>;
}

/** Runs the steps one after the other, with progress: moving on a terminal, plain lines elsewhere. */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  const list = new Listr(
    steps.map(({ title, skip, run }) => ({
      title,
      skip: () => skip?.() ?? false,
      task: (_context: unknown, task: { output: string; title: string }) =>
        run(
          (text) => {
            task.output = text;
          },
          (text) => {
            task.title = `${title}: ${text}`;
          },
        ),
    })),
    {
      rendererOptions: { timer: PRESET_TIMER, collapseErrors: false },
      fallbackRenderer: 'simple',
      fallbackRendererOptions: { timer: PRESET_TIMER },
    },
  );
  await list.run();
}
