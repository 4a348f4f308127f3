-- Modules that are compiled where they are first used: `later.pages` is what itrigger/pages.lua returns. Their text is read
-- now, with the library, so nothing fails later because the program has changed its directory, root or user or has no file
-- descriptor left. Always take these modules from here, never by `require`, so that there is only one of each, even if
-- package.loaded changes. They may need only each other, and modules that are loaded with the library.

local loaded = package.loaded
local load_text = rawget(_G, "loadstring") or load

local NAMES = {
  "batch", "calls", "endpoint", "endpoints", "groups", "metrics", "pages", "parties", "requests", "watch", "yieldable", "host.cqueues",
  "host.luv",
}

-- Where the library's files are; nil if this is not a file of its own (a program that was put together of several).
local source = debug and debug.getinfo(1, "S").source
local home = source and source:match "^@(.*[/\\])later%.lua$"

local function path_of(name)
  return home .. name:gsub("%.", "/") .. ".lua"
end

local texts = {} -- name → text. A module without a file there is left to `require`
for _, name in ipairs(home and io and NAMES or {}) do
  local file = io.open(path_of(name), "rb")
  if file then
    texts[name] = file:read "*a"
    file:close()
  end
end

local function make(name)
  local full, text = "itrigger." .. name, texts[name]
  if loaded[full] ~= nil or text == nil then
    return require(full)
  end
  local path = path_of(name)
  loaded[full] = assert(load_text(text, "@" .. path))(full, path)
  return loaded[full]
end

return setmetatable({}, {
  __index = function(self, name)
    local module = make(name)
    self[name], texts[name] = module, nil
    return module
  end,
})
