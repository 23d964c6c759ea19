import type {
  DesiredNetworks,
  HostNetworking,
  MetadataAnswer,
  MetadataRequest,
  MetadataResponder,
} from '../../contract.ts';
import { noNetworks } from '../../network-contract.ts';

/** The networks of a simulated host: it remembers what they should be, and a test can ask as a guest would. */
export class SimulatedNetworks {
  readonly networking: HostNetworking = {
    driver: 'simulated',
    externalNetwork: { cidr: '172.24.4.0/24', gateway: '172.24.4.1' },
  };
  #desired: DesiredNetworks = noNetworks;
  #responder: MetadataResponder | undefined;

  /** What they were last to be. */
  get desired(): DesiredNetworks {
    return this.#desired;
  }

  apply(desired: DesiredNetworks): void {
    this.#desired = structuredClone(desired);
  }

  serveMetadata(responder: MetadataResponder): () => void {
    this.#responder = responder;
    return () => {
      if (this.#responder === responder) this.#responder = undefined;
    };
  }

  /** Asks for metadata as a guest on a network would; undefined while nobody answers. */
  askMetadata(request: MetadataRequest): Promise<MetadataAnswer> | undefined {
    return this.#responder?.(request);
  }
}
