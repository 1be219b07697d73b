;; A plugin written by hand: an analyzer that passes every frame. `{…}` are holes that a test fills
;; with something worse. Memory: 1024 the descriptor, 2048 its schema, 3072 an answer of zeros
;; (`ok`), 4096 whatever a test puts there.
(component
  (import "framegate:frame/types@0.1.0" (instance $types
    (type $kind' (enum "invalid-argument" "unsupported" "not-granted" "failed"))
    (export "error-kind" (type $kind (eq $kind')))
    (type $error' (record (field "kind" $kind) (field "message" string)))
    (export "error" (type $error (eq $error')))))
  (alias export $types "error-kind" (type $kind))
  (alias export $types "error" (type $error))
  (import "framegate:frame/frames@0.1.0" (instance $frames
    (export "frame" (type (sub resource)))))
  (alias export $frames "frame" (type $frame))
  (type $descriptor (record
    (field "name" string) (field "version" string) (field "summary" string)
    (field "config-schema" string) (field "formats" (list u32)) (field "roles" (list string))))
  (type $verdict (enum "pass" "drop"))
  {imports}

  (core func $drop-frame (canon resource.drop $frame))
  (core module $guest
    (import "host" "drop-frame" (func $drop-frame (param i32)))
    {core imports}
    {memory}
    (data (i32.const 1048) "\00\08\00\00\02\00\00\00")
    (data (i32.const 2048) "{}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
    (func (export "describe") (result i32) {describe})
    (func (export "configure") (param i32 i32) (result i32) {configure})
    (func (export "process") (param $frame i32) (result i32) {process})
    (func (export "process-post") (param i32) {post})
    {more})
  (core instance $guest (instantiate $guest
    (with "host" (instance (export "drop-frame" (func $drop-frame)) {core host}))))

  (func $describe (result $descriptor)
    (canon lift (core func $guest "describe") (memory (core memory $guest "memory")) (realloc (core func $guest "realloc"))))
  (func $configure (param "config" string) (result (result (error $error)))
    (canon lift (core func $guest "configure") (memory (core memory $guest "memory")) (realloc (core func $guest "realloc"))))
  (func $process (param "input" (borrow $frame)) (result (result $verdict (error $error)))
    (canon lift (core func $guest "process") (memory (core memory $guest "memory")) (realloc (core func $guest "realloc"))
      (post-return (core func $guest "process-post"))))

  ;; What is exported must be made of types with names: so each interface passes through a
  ;; component that names them.
  (component $lifecycle
    (type $kind' (enum "invalid-argument" "unsupported" "not-granted" "failed"))
    (import "kind" (type $kind (eq $kind')))
    (type $error' (record (field "kind" $kind) (field "message" string)))
    (import "error" (type $error (eq $error')))
    (type $descriptor' (record
      (field "name" string) (field "version" string) (field "summary" string)
      (field "config-schema" string) (field "formats" (list u32)) (field "roles" (list string))))
    (import "descriptor" (type $descriptor (eq $descriptor')))
    (import "describe" (func $describe (result $descriptor)))
    (import "configure" (func $configure (param "config" string) (result (result (error $error)))))
    (export $out-kind "error-kind" (type $kind))
    (export $out-error "error" (type $error))
    (export $out-descriptor "descriptor" (type $descriptor))
    (export "describe" (func $describe) (func (result $out-descriptor)))
    (export "configure" (func $configure)
      (func (param "config" string) (result (result (error $out-error))))))
  (component $filtering
    (type $kind' (enum "invalid-argument" "unsupported" "not-granted" "failed"))
    (import "kind" (type $kind (eq $kind')))
    (type $error' (record (field "kind" $kind) (field "message" string)))
    (import "error" (type $error (eq $error')))
    (import "frame" (type $frame (sub resource)))
    (type $verdict' (enum "pass" "drop"))
    (import "verdict" (type $verdict (eq $verdict')))
    (import "process" (func $process (param "input" (borrow $frame)) (result (result $verdict (error $error)))))
    (export $out-kind "error-kind" (type $kind))
    (export $out-error "error" (type $error))
    (export $out-frame "frame" (type $frame))
    (export $out-verdict "verdict" (type $verdict))
    (export "process" (func $process)
      (func (param "input" (borrow $out-frame)) (result (result $out-verdict (error $out-error))))))

  (instance $lifecycle (instantiate $lifecycle
    (with "kind" (type $kind)) (with "error" (type $error)) (with "descriptor" (type $descriptor))
    (with "describe" (func $describe)) (with "configure" (func $configure))))
  (instance $filtering (instantiate $filtering
    (with "kind" (type $kind)) (with "error" (type $error)) (with "frame" (type $frame))
    (with "verdict" (type $verdict)) (with "process" (func $process))))
  (export "framegate:frame/lifecycle@0.1.0" (instance $lifecycle))
  (export "framegate:frame/filtering@0.1.0" (instance $filtering)))
