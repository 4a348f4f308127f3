-- What a spec needs and a machine may lack: programs, Lua modules, what the build leaves out. Each function returns nil
-- where it is there, and a reason for `pending` where the person has said to do without it:
--
--   make test WITHOUT="redis-server haproxy"       -- Debian's names of packages, and lua5.2, luajit
--
-- Else it raises: a spec that should run here and did not is a failure. `make setup` installs all of it.
local needs = {}

-- Nil where `there`, a reason where WITHOUT names the package. `lack`: words for what is missing.
function needs.package(package, there, lack)
  if (" " .. (os.getenv "WITHOUT" or "") .. " "):find(" " .. package .. " ", 1, true) then
    return "WITHOUT=" .. package
  elseif not there then
    error(("%s (Debian: %s): run `make setup`, or leave out what needs it: WITHOUT=%s"):format(lack, package, package), 0)
  end
end

local function exists(path)
  local file = io.open(path, "rb")
  return file ~= nil and file:close()
end

function needs.program(program, package)
  local pipe = assert(io.popen("PATH=$PATH:/usr/sbin:/sbin command -v " .. program))
  local path = pipe:read("*l")
  pipe:close()
  return needs.package(package, path, program .. " is not installed")
end

function needs.file(path, package)
  return needs.package(package, exists(path), path .. " is missing")
end

-- Whether this Lua has a module. One that is there and does not load raises what it says.
local function loads(name)
  local loaded, message = pcall(require, name)
  if not loaded and not message:find("module '" .. name .. "' not found", 1, true) then
    error(message, 0)
  end
  return loaded
end

-- A module of Debian's package, which has none for Lua 5.5.
function needs.module(name, package)
  local loaded = loads(name)
  if not loaded and _VERSION == "Lua 5.5" then
    return package .. " has no module for Lua 5.5"
  end
  return needs.package(package, loaded, ("module %s is missing for %s"):format(name, _VERSION))
end

-- Programs that run in the plain interpreter cannot load what was built with a sanitizer.
function needs.plain_build()
  return os.getenv "ASAN_OPTIONS" and "the plain Lua of this program cannot load a build with a sanitizer"
end

function needs.redis_store()
  return needs.package("libhiredis-dev", loads "itrigger.redis", "itrigger.redis is not built")
end

-- The library for another Lua than this one's: "5.3", "luajit".
function needs.build(lua)
  return needs.package(lua == "luajit" and lua or "lua" .. lua, exists("build/" .. lua .. "/itrigger/core.so"),
    ("build/%s is not built (make build LUA=%s)"):format(lua, lua))
end

-- What was built for these specs: beside the modules that they load; or what ITRIGGERD_PROGRAM names, say one with a
-- sanitizer in it.
function needs.itriggerd_program()
  local given = os.getenv("ITRIGGERD_PROGRAM")
  if given then
    return given
  end
  local module = assert(package.searchpath and package.searchpath("itrigger.core", package.cpath)
    or package.cpath:match("([^;]*)%?%.so"))
  local root = module:match("^(.*)/[^/]+/itrigger/core%.so$") or module:match("^(.*)/[^/]+/$")
  return root .. "/bin/itriggerd"
end

function needs.itriggerd()
  return needs.package("libmicrohttpd-dev", exists(needs.itriggerd_program()), "itriggerd is not built")
end

return needs
