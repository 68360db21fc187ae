/** Figures of one name (`data-of`) light up together while the pointer is on one of them. */

export function lightUpTogether(): void {
  addEventListener("pointerover", (e) => {
    const name = (e.target as Element | null)?.closest?.("[data-of]")?.getAttribute("data-of") ?? null;
    for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
    if (name === null) return;
    for (const one of document.querySelectorAll("[data-of]")) if (one.getAttribute("data-of") === name) one.classList.add("lit");
  });
}
