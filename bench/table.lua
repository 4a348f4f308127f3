-- Prints what bench/run recorded: medians, ratios, and the figures to keep. Usage: table.lua RESULTS [INSTRUCTIONS MEMORY RATES]
-- RESULTS alone: its tables, no figures.
local results_file, instructions_file, memory_file, rates_file = arg[1], arg[2], arg[3], arg[4]

local function median(values)
  local sorted = {}
  for i, value in ipairs(values) do
    sorted[i] = value
  end
  table.sort(sorted)
  return sorted[(#sorted + 1) // 2]
end

-- ---- reading ----

local cases, order = {}, {} -- "what at_once" → { what, at_once, contenders, order }

local function case_of(what, at_once)
  local key = what .. "\t" .. at_once
  local case = cases[key]
  if not case then
    case = { what = what, at_once = tonumber(at_once), contenders = {}, order = {} }
    cases[key], order[#order + 1] = case, case
  end
  return case
end

for line in io.lines(results_file) do
  local what, at_once, name, count, wall, cpu, kb = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.-)\t(.-)\t(.-)$")
  local case = case_of(what, at_once)
  local c = case.contenders[name]
  if not c then
    c = { rate = {}, cpu = {}, kb = {} }
    case.contenders[name], case.order[#case.order + 1] = c, name
  end
  c.rate[#c.rate + 1] = count / wall * 1e6
  c.cpu[#c.cpu + 1] = cpu / count
  c.kb[#c.kb + 1] = tonumber(kb)
end

local instructions = {}
for line in instructions_file and io.lines(instructions_file) or function() end do
  local key, n = line:match("^(.*)\t(%d+)$")
  instructions[key] = tonumber(n)
end

-- ---- printing ----

-- The median of the rounds' ratios of calls a second, or nil.
local function ratio(a, b)
  if not a or not b then
    return nil
  end
  local ratios = {}
  for i = 1, math.min(#a.rate, #b.rate) do
    ratios[i] = a.rate[i] / b.rate[i]
  end
  return median(ratios)
end

local function limit_of(case)
  return case.contenders["multi+decode"] or case.contenders["easy+decode"]
end

local last
for _, case in ipairs(order) do
  if case.what ~= last then
    print(("\n%-16s %8s  %-14s %10s %8s %12s %12s %9s"):format(case.what, "at once", "", "calls/s", "of bare",
      "CPU us/call", "instr./call", "peak KB"))
    last = case.what
  end
  for _, name in ipairs(case.order) do
    local c = case.contenders[name]
    local r = ratio(c, limit_of(case))
    local instr = instructions[("%s\t%d\t%s"):format(case.what, case.at_once, name)]
    print(("%-16s %8d  %-14s %10.0f %8s %12.2f %12s %9d"):format("", case.at_once, name, median(c.rate),
      r and ("%.2f"):format(r) or "-", median(c.cpu), instr and tostring(instr) or "-", median(c.kb)))
  end
end

-- ---- figures ----

if not instructions_file then
  return
end

local function contender(what, at_once, name)
  local case = cases[what .. "\t" .. at_once]
  return case and case.contenders[name]
end

local function figure(text, value, bound, met)
  print(("%-76s %8s  %-8s %s"):format(text, value and ("%.3f"):format(value) or "-", bound,
    value == nil and "not measured" or met and "met" or "MISSED"))
end

local function at_least(text, value, bound)
  figure(text, value, ">= " .. bound, value and value >= bound)
end

local function at_most(text, value, bound)
  figure(text, value, "<= " .. bound, value and value <= bound)
end

local function instr_ratio(what)
  local ours, bare = instructions[what .. "\t1\tsequential"], instructions[what .. "\t1\teasy+decode"]
  return ours and bare and ours / bare
end

local SMALL, LARGE, SLOW = "http 0.3k GET", "http 1m GET", "http slow GET"
print("\nfigures to keep")
at_most("one by one, HTTP: instructions, of bare easy + cjson.decode", instr_ratio(SMALL), 1.12)
at_most("one by one, HTTPS: instructions, of bare easy + cjson.decode", instr_ratio("https 0.3k GET"), 1.12)
at_least("batch, 64 at once: calls/s, of bare multi + cjson.decode",
  ratio(contender(SMALL, 64, "batch"), contender(SMALL, 64, "multi+decode")), 0.85)
at_least("batch, 64 at once, an answer after 5 ms: calls/s, of Lua-cURL one by one",
  ratio(contender(SLOW, 64, "batch"), contender(SLOW, 1, "lua-curl")), 30)
at_most("a 1 MB list: time, of bare transfer + cjson.decode",
  ratio(contender(LARGE, 1, "easy+decode"), contender(LARGE, 1, "sequential")), 1.12)
for _, n in ipairs { 64, 256 } do
  local ours, bare = contender(LARGE, n, "batch"), contender(LARGE, n, "multi+decode")
  at_least(("1 MB lists, %d at once: calls/s, of bare multi + cjson.decode"):format(n), ratio(ours, bare), 0.9)
  at_most(("1 MB lists, %d at once: peak memory, of bare multi + cjson.decode"):format(n),
    ours and bare and median(ours.kb) / median(bare.kb), 1.3)
end
local grew = io.open(memory_file):read("a"):match("grew by (%-?%d+) KB")
at_most("an iterator, after warm-up: resident MB more", tonumber(grew) / 1024, 1)
for line in io.lines(rates_file) do
  local rate, where, off = line:match "^rate (%S+) in (.-): .*, (%S+) of it$"
  at_most(("rate = %s for ten seconds, in %s: off by"):format(rate, where), math.abs(off - 1), 0.05)
end
