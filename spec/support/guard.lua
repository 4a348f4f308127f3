-- A process that a spec starts ends with the spec's process at the latest, however that ends:
--
--   local guarding = guard(pid)
--   guarding:close()                -- ends it now, if it has not ended
--
-- The guard waits for the end of a pipe that only this process has.
return function(pid)
  return assert(io.popen(("cat >/dev/null; kill -9 %s 2>/dev/null"):format(pid), "w"))
end
