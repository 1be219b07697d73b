// The colours: as the system has them, or as chosen here. A plain script, because the choice must
// be on the page before it is painted.
"use strict";
{
  const CHOICES = ["system", "dark", "light"];
  const KEY = "framegate.theme";

  // Storage may be forbidden (a strict browser, a page in a frame): the choice then lasts for this page.
  const remembered = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  const remember = (choice) => { try { localStorage.setItem(KEY, choice); } catch { /* see above */ } };

  let choice = CHOICES.includes(remembered()) ? remembered() : "system";
  const apply = () => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  };
  apply();

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.title = choice === "system" ? "Colours: as the system has them" : `Colours: ${choice}`;
      button.setAttribute("aria-label", button.title);
    };
    label();
    button.addEventListener("click", () => {
      choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
      remember(choice);
      apply();
      label();
    });
  });
}
