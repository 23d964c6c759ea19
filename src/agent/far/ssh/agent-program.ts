/** The agent as it is put on machines. */
export interface AgentProgram {
  /** Names this build; of two, the one that comes later in order is the newer. */
  name: string;
  /** Its files, by name; `agent.mjs` begins. */
  files: Readonly<Record<string, string>>;
  /** A Node that runs it, for machines of the same architecture. */
  node: { version: string; path: string; architecture: string };
}
