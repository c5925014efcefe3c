import type { EventBus } from "../events/event-bus.ts";
import type { ImageID } from "../oci/digest.ts";
import { familiarName, parseReference } from "../oci/reference.ts";

type LabelsOf = (image: ImageID) => Readonly<Record<string, string>>;

/**
 * Tells what happened to images, with docker's actions and attributes (moby daemon/images/image_events.go): the labels of an image that
 * is here, and `name`.
 */
export class ImageEvents {
  readonly #bus: EventBus;
  readonly #labelsOf: LabelsOf;

  constructor(bus: EventBus, labelsOf: LabelsOf) {
    this.#bus = bus;
    this.#labelsOf = labelsOf;
  }

  /** tag, untag, load, save, import, delete: the object is the image. Without a name it is called by its ID. */
  publish(action: "tag" | "untag" | "load" | "save" | "import" | "delete", image: ImageID, name: string = image): void {
    this.#publish(action, image, { ...this.#labelsOf(image), name });
  }

  /** The object is the name that was asked for, familiar; `name` is that of its repository. */
  publishTransfer(action: "pull" | "push", image: ImageID, reference: string): void {
    this.#publish(action, reference, { ...this.#labelsOf(image), name: familiarName(parseReference(reference)) });
  }

  publishPrune(bytes: number): void {
    this.#publish("prune", "", { reclaimed: String(bytes) });
  }

  #publish(action: string, id: string, attributes: Readonly<Record<string, string>>): void {
    this.#bus.publish({ type: "image", action, id, attributes });
  }
}
