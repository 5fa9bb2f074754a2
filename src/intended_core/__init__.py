"""An authority engine that a Python program embeds: no token, no action; no decision, no token.

    from intended_core import Authority, Intent, EntityRef

    with Authority.create("data/authority.db", key_file="keys/kek") as authority:
        tenant = authority.create_tenant("acme", "live")

Names are loaded when they are first used (PEP 562), so that importing one room does not load all of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intended_core.access.persons import LocalPersonKey as LocalPersonKey
    from intended_core.aio import AsyncAuthority as AsyncAuthority
    from intended_core.aio import AsyncTenantAuthority as AsyncTenantAuthority
    from intended_core.anchoring import AttestedHead as AttestedHead
    from intended_core.anchoring import AttestedRecord as AttestedRecord
    from intended_core.anchoring import CosigningWitness as CosigningWitness
    from intended_core.anchoring import Equivocation as Equivocation
    from intended_core.anchoring import FollowedSlot as FollowedSlot
    from intended_core.anchoring import Promise as Promise
    from intended_core.anchoring import SlotWalk as SlotWalk
    from intended_core.anchoring import WitnessMemory as WitnessMemory
    from intended_core.anchoring import WitnessReply as WitnessReply
    from intended_core.anchoring import check_equivocation as check_equivocation
    from intended_core.anchoring import check_proof as check_proof
    from intended_core.anchoring import check_receipt as check_receipt
    from intended_core.anchoring import check_slots as check_slots
    from intended_core.anchoring import export_anchor as export_anchor
    from intended_core.anchoring import export_record_proof as export_record_proof
    from intended_core.anchoring import export_slot_proof as export_slot_proof
    from intended_core.anchoring import follow_slot_proof as follow_slot_proof
    from intended_core.anchoring import parse_cosigner as parse_cosigner
    from intended_core.anchoring import show_equivocation as show_equivocation
    from intended_core.anchoring import tlog_proof_of as tlog_proof_of
    from intended_core.anchoring import witness_key as witness_key
    from intended_core.assembly import Authority as Authority
    from intended_core.assembly import ClosedTenant as ClosedTenant
    from intended_core.auditing import BundleVerdict as BundleVerdict
    from intended_core.auditing import EvidenceStory as EvidenceStory
    from intended_core.auditing import Freshness as Freshness
    from intended_core.auditing import Grade as Grade
    from intended_core.auditing import LogVerdict as LogVerdict
    from intended_core.auditing import RangeVerdict as RangeVerdict
    from intended_core.auditing import ShownRecord as ShownRecord
    from intended_core.auditing import exit_code as exit_code
    from intended_core.auditing import export_evidence as export_evidence
    from intended_core.auditing import export_range as export_range
    from intended_core.auditing import is_range as is_range
    from intended_core.auditing import show_evidence as show_evidence
    from intended_core.auditing import show_record as show_record
    from intended_core.auditing import verify_evidence as verify_evidence
    from intended_core.auditing import verify_evidence_range as verify_evidence_range
    from intended_core.auditing import verify_tenant_log as verify_tenant_log
    from intended_core.authoring import FormattedFile as FormattedFile
    from intended_core.authoring import data_directions as data_directions
    from intended_core.authoring import diff_policies as diff_policies
    from intended_core.authoring import explain_intent as explain_intent
    from intended_core.authoring import format_policies as format_policies
    from intended_core.authoring import lint_policies as lint_policies
    from intended_core.authoring import lock_packs as lock_packs
    from intended_core.authority import AdapterHandle as AdapterHandle
    from intended_core.authority import TenantAuthority as TenantAuthority
    from intended_core.cedar_tools import CedarImport as CedarImport
    from intended_core.cedar_tools import CedarLink as CedarLink
    from intended_core.cedar_tools import CedarReport as CedarReport
    from intended_core.cedar_tools import CedarSet as CedarSet
    from intended_core.cedar_tools import cedar_entities as cedar_entities
    from intended_core.cedar_tools import cedar_links_from_json as cedar_links_from_json
    from intended_core.cedar_tools import decide_cedar as decide_cedar
    from intended_core.cedar_tools import import_cedar as import_cedar
    from intended_core.cedar_tools import imported_intent as imported_intent
    from intended_core.cedar_tools import load_cedar as load_cedar
    from intended_core.clock import ManualClock as ManualClock
    from intended_core.clock import SystemClock as SystemClock
    from intended_core.clock import SystemRandomness as SystemRandomness
    from intended_core.engine.coverage import Coverage as Coverage
    from intended_core.engine.explain import Explanation as Explanation
    from intended_core.entities import Entity as Entity
    from intended_core.errors import AccessDeniedError as AccessDeniedError
    from intended_core.errors import AdapterError as AdapterError
    from intended_core.errors import AssemblyError as AssemblyError
    from intended_core.errors import AuditError as AuditError
    from intended_core.errors import IntendedError as IntendedError
    from intended_core.errors import IntentError as IntentError
    from intended_core.errors import KeyRingError as KeyRingError
    from intended_core.errors import PolicyError as PolicyError
    from intended_core.errors import StoreError as StoreError
    from intended_core.errors import TokenError as TokenError
    from intended_core.errors import UnitRefusedError as UnitRefusedError
    from intended_core.flows.approve import ApprovalStatus as ApprovalStatus
    from intended_core.flows.effects import Settings as Settings
    from intended_core.flows.halt import Halt as Halt
    from intended_core.flows.haltrows import HaltTarget as HaltTarget
    from intended_core.flows.outcomes import Granted as Granted
    from intended_core.flows.outcomes import Pending as Pending
    from intended_core.flows.policytests import TestReport as TestReport
    from intended_core.flows.queue import ApprovalView as ApprovalView
    from intended_core.ids import EntityRef as EntityRef
    from intended_core.ids import Scope as Scope
    from intended_core.intent import Call as Call
    from intended_core.intent import Intent as Intent
    from intended_core.lang.cost import cost_report as cost_report
    from intended_core.lang.diff import PolicyDiff as PolicyDiff
    from intended_core.lang.findings import github as github
    from intended_core.lang.findings import sarif as sarif
    from intended_core.loader.registry import load_registry as load_registry
    from intended_core.outcome import Allow as Allow
    from intended_core.outcome import ApprovalRequirement as ApprovalRequirement
    from intended_core.outcome import Deny as Deny
    from intended_core.outcome import Escalate as Escalate
    from intended_core.outcome import Reason as Reason
    from intended_core.searching import LogQuery as LogQuery
    from intended_core.searching import life_of as life_of
    from intended_core.searching import parts_about as parts_about
    from intended_core.searching import search_log as search_log
    from intended_core.timing import TimeBracket as TimeBracket
    from intended_core.timing import bracket_evidence as bracket_evidence
    from intended_core.timing import check_time as check_time
    from intended_core.timing import export_time as export_time
    from intended_core.timing import timed_record as timed_record
    from intended_core.timing import token_of as token_of
    from intended_core.tokens.elsewhere import CallText as CallText
    from intended_core.tokens.elsewhere import KeySet as KeySet
    from intended_core.tokens.elsewhere import RedeemedElsewhere as RedeemedElsewhere
    from intended_core.tokens.elsewhere import Redeemer as Redeemer
    from intended_core.tokens.elsewhere import call_text_from_json as call_text_from_json
    from intended_core.tokens.holder import CertificateProof as CertificateProof
    from intended_core.tokens.holder import DpopProof as DpopProof
    from intended_core.tokens.holder import HolderKey as HolderKey
    from intended_core.tokens.holder import LocalHolderKey as LocalHolderKey
    from intended_core.tokens.issuer import SignedToken as SignedToken
    from intended_core.tokens.receipt import Receipt as Receipt
    from intended_core.tokens.receipt import SignedReceipt as SignedReceipt
    from intended_core.tokens.receipt import read_receipt as read_receipt
    from intended_core.tokens.redeemed import RedeemedToken as RedeemedToken
    from intended_core.tokens.register import LedgerByCall as LedgerByCall
    from intended_core.toolbox import CheckReport as CheckReport
    from intended_core.toolbox import call_from_json as call_from_json
    from intended_core.toolbox import check_policies as check_policies
    from intended_core.toolbox import decide_offline as decide_offline
    from intended_core.toolbox import entities_from_json as entities_from_json
    from intended_core.toolbox import entities_json as entities_json
    from intended_core.toolbox import entity_ref as entity_ref
    from intended_core.toolbox import intent_from_json as intent_from_json
    from intended_core.toolbox import outcome_json as outcome_json
    from intended_core.toolbox import parse_json as parse_json
    from intended_core.toolbox import test_policies as test_policies
    from intended_core.trials import IntentCase as IntentCase
    from intended_core.trials import IntentTable as IntentTable
    from intended_core.trials import Rehearsal as Rehearsal
    from intended_core.trials import Replayed as Replayed
    from intended_core.trials import rehearse as rehearse
    from intended_core.trials import replay_intents as replay_intents
    from intended_core.values import parse_datetime as parse_datetime

_ROOMS = {
    "AttestedHead": "anchoring",
    "AttestedRecord": "anchoring",
    "CosigningWitness": "anchoring",
    "Equivocation": "anchoring",
    "FollowedSlot": "anchoring",
    "ClosedTenant": "assembly",
    "follow_slot_proof": "anchoring",
    "check_receipt": "anchoring",
    "Promise": "anchoring",
    "SlotWalk": "anchoring",
    "WitnessMemory": "anchoring",
    "WitnessReply": "anchoring",
    "check_equivocation": "anchoring",
    "check_proof": "anchoring",
    "check_slots": "anchoring",
    "export_anchor": "anchoring",
    "export_record_proof": "anchoring",
    "export_slot_proof": "anchoring",
    "parse_cosigner": "anchoring",
    "show_equivocation": "anchoring",
    "tlog_proof_of": "anchoring",
    "witness_key": "anchoring",
    "AccessDeniedError": "errors",
    "AdapterError": "errors",
    "AdapterHandle": "authority",
    "Allow": "outcome",
    "ApprovalRequirement": "outcome",
    "ApprovalStatus": "flows.approve",
    "ApprovalView": "flows.queue",
    "AssemblyError": "errors",
    "AsyncAuthority": "aio",
    "AsyncTenantAuthority": "aio",
    "AuditError": "errors",
    "Authority": "assembly",
    "BundleVerdict": "auditing",
    "Call": "intent",
    "CallText": "tokens.elsewhere",
    "CedarImport": "cedar_tools",
    "CedarLink": "cedar_tools",
    "CedarReport": "cedar_tools",
    "CedarSet": "cedar_tools",
    "CertificateProof": "tokens.holder",
    "CheckReport": "toolbox",
    "Coverage": "engine.coverage",
    "Deny": "outcome",
    "DpopProof": "tokens.holder",
    "Entity": "entities",
    "EntityRef": "ids",
    "Escalate": "outcome",
    "EvidenceStory": "auditing",
    "Freshness": "auditing",
    "Explanation": "engine.explain",
    "FormattedFile": "authoring",
    "Grade": "auditing",
    "Granted": "flows.outcomes",
    "Halt": "flows.halt",
    "HaltTarget": "flows.haltrows",
    "HolderKey": "tokens.holder",
    "IntendedError": "errors",
    "Intent": "intent",
    "IntentCase": "trials",
    "IntentError": "errors",
    "IntentTable": "trials",
    "KeyRingError": "errors",
    "KeySet": "tokens.elsewhere",
    "LedgerByCall": "tokens.register",
    "LocalHolderKey": "tokens.holder",
    "LocalPersonKey": "access.persons",
    "LogQuery": "searching",
    "LogVerdict": "auditing",
    "ManualClock": "clock",
    "Pending": "flows.outcomes",
    "PolicyDiff": "lang.diff",
    "PolicyError": "errors",
    "RangeVerdict": "auditing",
    "Reason": "outcome",
    "Receipt": "tokens.receipt",
    "RedeemedElsewhere": "tokens.elsewhere",
    "RedeemedToken": "tokens.redeemed",
    "Redeemer": "tokens.elsewhere",
    "Rehearsal": "trials",
    "Replayed": "trials",
    "Scope": "ids",
    "Settings": "flows.effects",
    "ShownRecord": "auditing",
    "SignedReceipt": "tokens.receipt",
    "SignedToken": "tokens.issuer",
    "StoreError": "errors",
    "SystemClock": "clock",
    "SystemRandomness": "clock",
    "TenantAuthority": "authority",
    "TestReport": "flows.policytests",
    "TimeBracket": "timing",
    "TokenError": "errors",
    "UnitRefusedError": "errors",
    "bracket_evidence": "timing",
    "call_from_json": "toolbox",
    "call_text_from_json": "tokens.elsewhere",
    "cedar_entities": "cedar_tools",
    "cedar_links_from_json": "cedar_tools",
    "check_policies": "toolbox",
    "check_time": "timing",
    "cost_report": "lang.cost",
    "data_directions": "authoring",
    "decide_cedar": "cedar_tools",
    "decide_offline": "toolbox",
    "diff_policies": "authoring",
    "entities_from_json": "toolbox",
    "entities_json": "toolbox",
    "entity_ref": "toolbox",
    "exit_code": "auditing",
    "explain_intent": "authoring",
    "export_evidence": "auditing",
    "export_range": "auditing",
    "export_time": "timing",
    "format_policies": "authoring",
    "github": "lang.findings",
    "import_cedar": "cedar_tools",
    "imported_intent": "cedar_tools",
    "intent_from_json": "toolbox",
    "is_range": "auditing",
    "life_of": "searching",
    "parts_about": "searching",
    "lint_policies": "authoring",
    "lock_packs": "authoring",
    "load_cedar": "cedar_tools",
    "load_registry": "loader.registry",
    "outcome_json": "toolbox",
    "parse_datetime": "values",
    "parse_json": "toolbox",
    "read_receipt": "tokens.receipt",
    "rehearse": "trials",
    "replay_intents": "trials",
    "sarif": "lang.findings",
    "search_log": "searching",
    "show_evidence": "auditing",
    "show_record": "auditing",
    "test_policies": "toolbox",
    "timed_record": "timing",
    "token_of": "timing",
    "verify_evidence": "auditing",
    "verify_evidence_range": "auditing",
    "verify_tenant_log": "auditing",
}

__all__ = sorted(_ROOMS)


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_ROOMS]
