(() => {
  "use strict";
  const every = 1000;
  const announceEvery = 10000;

  const words = (at) => {
    const done = at.total ? `${at.done} of ${at.total} done` : "the probes are being loaded";
    return at.problems ? `${done}, ${at.problems} with problems` : done;
  };

  const follow = (box) => {
    const bar = box.querySelector("progress");
    const text = box.querySelector("[data-text]");
    const said = box.querySelector("[role=status]");
    let announced = Date.now();
    let failures = 0;

    const show = (at) => {
      if (at.total) {
        bar.max = at.total;
        bar.value = at.done;
      }
      text.textContent = words(at);
      if (Date.now() - announced > announceEvery) {
        announced = Date.now();
        said.textContent = words(at);
      }
    };

    const look = async () => {
      if (document.hidden) {
        setTimeout(look, every);
        return;
      }
      try {
        const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" }, cache: "no-store" });
        const run = await answer.json();
        if (run.state === "running") {
          failures = 0;
          show(run.progress);
        } else if (run.state) {
          said.textContent = "The run is over. Its results are being loaded.";
          location.reload();
          return;
        } else {
          failures += 1;
        }
      } catch {
        failures += 1;
      }
      if (failures > 20) {
        said.textContent = "This page no longer hears of the run. Reload it to see how it stands.";
        text.textContent = said.textContent;
        return;
      }
      setTimeout(look, every * (1 + failures));
    };
    setTimeout(look, every);
  };

  document.querySelectorAll("[data-progress]").forEach(follow);
})();
