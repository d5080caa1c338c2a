// Runs before the report: collects every error and warning.
window.problems = [];
window.addEventListener("error", function (e) {
  problems.push(String(e.message || e.target.src || e.target.href));
}, true);
window.addEventListener("unhandledrejection", function (e) { problems.push(String(e.reason)); });
["error", "warn"].forEach(function (k) {
  const old = console[k];
  console[k] = function () {
    problems.push([].join.call(arguments, " "));
    old.apply(console, arguments);
  };
});
