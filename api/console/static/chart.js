// Charts of numbers over time: every [data-chart] has its data, [times in seconds, values], and the time zone of its days.
// One of the kind "moves" has joins and, below zero, leaves of each day. [data-marks] are instants that a line marks.
// Numbers and times are written in the language of the page. Colours come from the page's custom properties. A chart is redrawn when they, the data or the width change.
(() => {
  "use strict";
  const LANGUAGE = document.documentElement.lang;
  const PLURALS = new Intl.PluralRules(LANGUAGE);
  const HEIGHT = 260;
  const DAY = 86400;
  // Possible distances of the labels on the time axis, in seconds: at least a minute, so that no label occurs twice.
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => 60 * minutes)
    .concat([1, 2, 4, 7, 14, 30, 60, 90, 180, 365, 730, 1825].map((days) => DAY * days));
  const drawn = new Map(); // element -> {plot, data}

  function colour(element, property) {
    element.style.color = `var(${property})`;
    const value = getComputedStyle(element).color;
    element.style.color = "";
    return value;
  }

  function formatsIn(zone) {
    const format = (options) => new Intl.DateTimeFormat(LANGUAGE, { timeZone: zone, hourCycle: "h23", ...options });
    return {
      time: format({ hour: "2-digit", minute: "2-digit" }),
      date: format({ day: "numeric", month: "short" }),
      year: format({ month: "short", year: "numeric" }),
      day: format({ day: "numeric", month: "short", year: "numeric" }),
      whole: format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }),
    };
  }

  // A number of things: `forms` has how one is said, and how several are.
  function counted(forms, number) {
    const [one, several] = JSON.parse(forms);
    return (PLURALS.select(number) === "one" ? one : several).replace("{count}", number.toLocaleString(LANGUAGE));
  }

  function range(_, low, high) {
    if (low === null || high === null) return [0, 1];
    const room = Math.max(1, (high - low) * 0.1);
    return [low > high * 0.5 ? Math.max(0, Math.floor(low - room)) : 0, Math.ceil(high + room)];
  }

  function drawMarks(plot, element, colour) {
    const [from, to] = [plot.scales.x.min, plot.scales.x.max];
    const { left, top, width, height } = plot.bbox;
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.font = `${11 * devicePixelRatio}px system-ui`;
    for (const at of JSON.parse(element.dataset.marks ?? "[]")) {
      if (at < from || at > to) continue;
      const x = Math.round(plot.valToPos(at, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.textAlign = x > left + width / 2 ? "right" : "left";
      ctx.fillText(element.dataset.mark, x + (ctx.textAlign === "left" ? 5 : -5) * devicePixelRatio, top + 11 * devicePixelRatio);
    }
    ctx.restore();
  }

  // What differs between the kinds of charts: the lines or bars, the range of the values, and what the readout says.
  function kindOf(element, formats) {
    const [line, soft, good, danger] = ["--accent", "--accent-soft", "--good", "--danger"].map((each) => colour(element, each));
    if (element.dataset.kind === "moves") {
      const paths = uPlot.paths.bars({ size: [0.7, 40] });
      return {
        steps: STEPS.filter((step) => step >= DAY),
        scales: { x: { range: ({ data: [days] }) => [Math.min(days[0], days.at(-1) - 6 * DAY) - DAY / 2, days.at(-1) + DAY / 2] }, y: { range: (_, low, high) => [Math.min(low * 1.1, 0), Math.max(high * 1.15, 1)] } },
        series: [{}, ...[good, danger].map((each) => ({ stroke: each, fill: each, width: 0, points: { show: false }, paths }))],
        read: ([at, joined, left]) => element.dataset.readout.replace("{day}", formats.day.format(at * 1000))
          .replace("{joined}", counted(element.dataset.joined, joined)).replace("{left}", counted(element.dataset.left, Math.abs(left))),
      };
    }
    return {
      scales: { y: { range } },
      // The number is constant until a customer joins or leaves: steps. Filled only if the axis begins at zero.
      series: [{}, { stroke: line, fill: (plot) => plot.scales.y.min === 0 ? soft : "transparent", width: 2, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }],
      read: ([at, size]) => `${formats.whole.format(at * 1000)}: ${size.toLocaleString(LANGUAGE)}`,
    };
  }

  function options(element, data) {
    const zone = element.dataset.zone;
    const formats = formatsIn(zone);
    const [line, muted, grid] = ["--accent", "--muted", "--line"].map((each) => colour(element, each));
    const kind = kindOf(element, formats);
    const axis = { stroke: muted, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px system-ui" };
    const days = (splits, step) => splits.map((at) => {
      const instant = at * 1000;
      if (step >= 28 * DAY) return formats.year.format(instant);
      const time = formats.time.format(instant);
      return step >= DAY || time === "00:00" ? formats.date.format(instant) : time;
    });
    const readout = element.querySelector("p") ?? element.appendChild(document.createElement("p"));
    const last = data[0].length - 1;
    const showReadout = (plot) => {
      const place = plot.cursor.idx ?? last;
      readout.textContent = kind.read(plot.data.map((values) => values[place]));
    };
    return {
      width: element.clientWidth,
      height: HEIGHT,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8, fill: line, stroke: line } },
      scales: kind.scales,
      axes: [
        { ...axis, space: 72, incrs: kind.steps ?? STEPS, values: (plot, splits, index, space, step) => days(splits, step) },
        { ...axis, size: 64, incrs: [1, 2, 5].flatMap((each) => [...Array(10).keys()].map((power) => each * 10 ** power)).sort((a, b) => a - b), values: (plot, splits) => splits.map((each) => Math.abs(each).toLocaleString(LANGUAGE)) },
      ],
      series: kind.series,
      hooks: { setCursor: [showReadout], ready: [showReadout], setData: [showReadout], draw: [(plot) => drawMarks(plot, element, muted)] },
    };
  }

  function draw(element, redraw) {
    const existing = drawn.get(element);
    const data = element.dataset.chart;
    if (existing && !redraw) {
      if (existing.data === data) return;
      existing.data = data;
      existing.plot.setData(JSON.parse(data));
      return;
    }
    existing?.plot.destroy();
    const parsed = JSON.parse(data);
    drawn.set(element, { plot: new uPlot(options(element, parsed), parsed, element), data });
    if (!existing) resizes.observe(element);
  }

  function drawAll(redraw) {
    for (const element of document.querySelectorAll("[data-chart]")) draw(element, redraw);
    for (const element of drawn.keys()) if (!element.isConnected) drawn.delete(element);
  }

  const resizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { plot } = drawn.get(target) ?? {};
      if (plot && plot.width !== target.clientWidth) plot.setSize({ width: target.clientWidth, height: HEIGHT });
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(true));
  new MutationObserver(() => drawAll(true)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  document.addEventListener("htmx:after:swap", () => drawAll(false));
  drawAll(false);
})();
