/** Light or dark: as the system has it, or as the reader chooses. */
import { h, type JSX } from "preact";
import { useState } from "preact/hooks";

const CHOICES = ["system", "light", "dark"] as const;
type Theme = (typeof CHOICES)[number];

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function ThemeButton(): JSX.Element {
  const [theme, setTheme] = useState<Theme>("system");
  const next = CHOICES[(CHOICES.indexOf(theme) + 1) % CHOICES.length]!;
  return h("button", {
    type: "button", class: "theme", title: `colours: ${theme}; change to ${next}`,
    onClick: () => { apply(next); setTheme(next); },
  }, `colours: ${theme}`);
}
