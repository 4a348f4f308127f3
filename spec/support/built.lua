-- What the build may leave out, for specs that need it:
--
--   local why_not = built.lacks_module "itrigger.redis"    -- nil, or the reason for `pending`
--   local why_not = built.lacks_itriggerd()
--
-- `make test` builds all that this machine can, so what is not there was left out. What is there and does not work is a
-- failure, never a skip.
local built = {}

-- Raises what the module says when it is there and does not load.
function built.lacks_module(name)
  local loaded, message = pcall(require, name)
  if not loaded and message:find("module '" .. name .. "' not found", 1, true) then
    return name .. " is not built (make says what it needs)"
  elseif not loaded then
    error(message, 0)
  end
end

-- What was built for these specs: beside the modules that they load; or what ITRIGGERD_PROGRAM names, say one with a
-- sanitizer in it.
function built.itriggerd()
  local given = os.getenv("ITRIGGERD_PROGRAM")
  if given then
    return given
  end
  local module = assert(package.searchpath and package.searchpath("itrigger.core", package.cpath)
    or package.cpath:match("([^;]*)%?%.so"))
  local root = module:match("^(.*)/[^/]+/itrigger/core%.so$") or module:match("^(.*)/[^/]+/$")
  return root .. "/bin/itriggerd"
end

function built.lacks_itriggerd()
  local file = io.open(built.itriggerd(), "rb")
  if not file then
    return "itriggerd is not built (make says what it needs)"
  end
  file:close()
end

return built
