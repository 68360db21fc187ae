/** The composition root: the one module that knows every part of the project. Only the command line loads it. */
import { defineConfig } from "thpcheck";

export default defineConfig({
  scenarios: ["test/models/*.ts", "test/scenarios/*.ts"],
});
