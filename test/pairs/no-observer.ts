/** An observer that hears nothing. */
import type { StepObserver } from "../../checker/program/observer.ts";

export const NO_OBSERVER: StepObserver = {
  beginStep: () => {}, access: () => {}, acquire: () => {}, acquireFailed: () => {}, release: () => {}, endStep: () => {},
};
